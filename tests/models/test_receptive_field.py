"""The arithmetic against the networks themselves.

A NaN in one voxel spreads through all layers (zero times NaN is NaN), whatever the weights, so the
outputs that turn NaN are exactly those that can see it. A small change would underestimate: a pool
passes on only the largest.
"""

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from imaging.errors import BadModel
from models.nets.config import Block, UNetConfig
from models.nets.cost import cost
from models.nets.receptive_field import is_local, receptive_field
from models.nets.unet import UNet
from tests.support.networks import PAPER_3D

Padding = Literal["valid", "same"]

NETWORKS = {
    "flat": UNetConfig.of_widths((2,)),
    "two levels": UNetConfig.of_widths((2, 2), batch_norm=True),
    "three levels": UNetConfig.of_widths((2, 2, 2)),
    "four levels, one convolution": UNetConfig.of_widths((1, 1, 1, 1), convolutions=1),
    "uneven": UNetConfig(encoder=((2,), (2, 2, 2)), up=(1,), decoder=((2, 1, 1),)),
    **{
        block: UNetConfig.of_widths((4, 4, 4), block=block, batch_norm=block == "residual")
        for block in get_args(Block)
        if block != "plain"
    },
    "nested": UNetConfig.of_widths((2, 2, 2, 2), 1, skip="nested"),
    "nested, interpolated": UNetConfig.of_widths(
        (2, 2, 2), 1, skip="nested", upsampling="interpolation"
    ),
    "added": UNetConfig.of_widths((2, 3, 4), skip="add", block="residual"),
    "interpolated": UNetConfig.of_widths((2, 2, 2), upsampling="interpolation"),
    "interpolated, elu": UNetConfig.of_widths(
        (2, 2, 2, 2), 1, upsampling="interpolation", activation="elu"
    ),
    "aspp": UNetConfig.of_widths((2, 2, 2), bottleneck="aspp", activation="leaky_relu"),
    "3d, inception": UNetConfig.of_widths((4, 4), 1, dimension=3, block="inception"),
    "3d, dilated, added, interpolated": UNetConfig.of_widths(
        (2, 2), dimension=3, block="dilated", skip="add", upsampling="interpolation"
    ),
    "3d, shuffle": UNetConfig.of_widths((4, 4), 1, dimension=3, block="shuffle"),
    "3d, aspp, nested": UNetConfig.of_widths(
        (1, 1, 1), 1, dimension=3, bottleneck="aspp", skip="nested"
    ),
    "3d, two levels": UNetConfig.of_widths((1, 2), dimension=3, batch_norm=True),
    "3d, three levels": UNetConfig.of_widths((1, 1, 1), dimension=3),
}
WHOLE = {
    "squeeze and excite": UNetConfig.of_widths((4, 8), squeeze_excite=True),
    "pyramid": UNetConfig.of_widths((4, 8), bottleneck="pyramid"),
    "3d, both": UNetConfig.of_widths(
        (4, 8), dimension=3, bottleneck="pyramid", squeeze_excite=True
    ),
}
"""Not local: a NaN would spread everywhere."""
PAPERS = {"paper 2d": UNetConfig(), "paper 3d": PAPER_3D}
BOTH = pytest.mark.parametrize("padding", ["valid", "same"])
ALL = pytest.mark.parametrize("name", NETWORKS)


def poisoned(config: UNetConfig) -> list[tuple[int, int, int]]:
    """(poisoned voxel, first output, last output that turns NaN), for every phase on every axis.

    Outputs are counted from the output's own start. The axes get different phases at once.
    """
    field, axes = receptive_field(config), config.dimension
    network = UNet(config).eval()
    shift = field.halo if config.padding == "valid" else 0
    start = -(-(field.reach + shift + 1) // field.align) * field.align
    image = torch.rand(1, 1, *(field.legal(2 * start + field.align),) * axes)
    found = []
    for phase in range(field.align):
        place = [start + (phase + 3 * axis) % field.align for axis in range(axes)]
        image[(0, 0, *place)] = np.nan
        with torch.no_grad():
            sick = np.isnan(network(image)[0, 0].numpy())
        image[(0, 0, *place)] = 0.5
        for axis, voxel in enumerate(place):
            line = np.flatnonzero(sick.any(tuple(a for a in range(axes) if a != axis)))
            assert 0 < line[0] <= line[-1] < sick.shape[axis] - 1, "the image is too small to tell"
            found.append((voxel, int(line[0]), int(line[-1])))
    return found


def reaches(config: UNetConfig) -> tuple[int, int]:
    """The farthest that an output sees to its left and to its right."""
    field = receptive_field(config)
    shift = field.halo if config.padding == "valid" else 0
    spread = poisoned(config)
    return (
        max(last + shift - voxel for voxel, _, last in spread),
        max(voxel - first - shift for voxel, first, _ in spread),
    )


@pytest.mark.slow
@BOTH
@ALL
def test_outputs_that_turn_nan_reach_exactly_as_far_as_derived(name: str, padding: Padding) -> None:
    config = replace(NETWORKS[name], padding=padding)
    field = receptive_field(config)
    assert reaches(config) == (field.reach, field.reach)
    if padding == "same":
        assert field.halo == field.reach


@ALL
def test_valid_halo_leaves_out_nothing_that_is_read(name: str) -> None:
    """The first output sees the first input voxel and the last the last, on every axis."""
    field, network = receptive_field(NETWORKS[name]), UNet(NETWORKS[name]).eval()
    axes = NETWORKS[name].dimension
    for size in (field.minimum, field.minimum + field.align):
        for axis in range(axes):
            for end in (0, -1):
                image = torch.rand(1, 1, *(size,) * axes)
                image.select(axis + 2, end).fill_(np.nan)
                with torch.no_grad():
                    output = network(image)
                assert output.shape[axis + 2] == size - 2 * field.halo
                assert output.select(axis + 2, end).isnan().all()


@BOTH
def test_the_arithmetic_of_a_network_one_convolution_smaller_would_be_noticed(
    padding: Padding,
) -> None:
    config = replace(NETWORKS["two levels"], padding=padding)
    smaller = replace(config, decoder=((2,),))
    assert reaches(config)[0] == receptive_field(smaller).reach + 1


@BOTH
@ALL
def test_legal_sizes_are_those_that_the_network_takes(name: str, padding: Padding) -> None:
    config = replace(NETWORKS[name], padding=padding)
    field, network = receptive_field(config), UNet(config).eval()
    others = (field.minimum,) * (config.dimension - 1)
    for size in range(1, field.minimum + 2 * field.align + 1):
        image = torch.zeros(1, 1, *others, size)
        if field.is_legal(size):
            assert network(image).shape[-1] == field.output(size)
        else:
            with pytest.raises(RuntimeError):
                network(image)
            with pytest.raises(BadModel):
                field.output(size)


@BOTH
@ALL
def test_legal_gives_the_smallest_that_is_large_enough(name: str, padding: Padding) -> None:
    field = receptive_field(replace(NETWORKS[name], padding=padding))
    for wanted in range(1, field.minimum + 3 * field.align):
        size = field.legal(wanted)
        sizes = range(wanted, size + 1)
        assert [s for s in sizes if field.is_legal(s)] == [size]


def test_the_papers_figures() -> None:
    flat, solid = receptive_field(UNetConfig()), receptive_field(PAPER_3D)
    assert (flat.output(572), flat.halo, flat.align, flat.minimum) == (388, 92, 16, 188)
    assert (solid.output(132), solid.output(116), solid.align) == (44, 28, 8)


def test_a_dilation_that_was_forgotten_would_be_noticed() -> None:
    config = replace(NETWORKS["dilated"], padding="same")
    assert reaches(config)[0] > receptive_field(replace(config, block="plain")).reach


def multiply_adds(network: UNet, size: int) -> int:
    config = network.config
    with FlopCounterMode(display=False) as counter:
        network(torch.empty(1, config.in_channels, *(size,) * config.dimension, device="meta"))
    return counter.get_total_flops() // 2


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("name", [*NETWORKS, *WHOLE, *PAPERS])
def test_cost_is_what_torch_counts(name: str, padding: Padding) -> None:
    """Work is what it grows by with the tile: what looks at the whole tile at once does not."""
    config = replace((NETWORKS | WHOLE | PAPERS)[name], padding=padding)
    with torch.device("meta"):
        network = UNet(config)
    assert cost(config).parameters == sum(p.numel() for p in network.parameters())
    if padding == "same":
        sizes = [n * receptive_field(config).align for n in (2, 4)]
        one, two = (multiply_adds(network, size) for size in sizes)
        voxels = sizes[1] ** config.dimension - sizes[0] ** config.dimension
        found = cost(config).multiply_adds_per_voxel
        assert found == pytest.approx((two - one) / voxels, rel=1e-12)


def test_separable_convolutions_save_what_their_paper_says() -> None:
    """Section 3.1: 1 / width + 1 / 9 of the work, for one step from 64 to 64 maps."""
    works = [
        cost(
            UNetConfig(in_channels=64, encoder=((64,),), up=(), decoder=(), block=block)
        ).multiply_adds_per_voxel
        - 2 * 64
        for block in ("separable", "plain")
    ]
    assert works[0] / works[1] == pytest.approx(1 / 64 + 1 / 9)


def test_working_memory_is_the_most_that_is_alive_at_once() -> None:
    # Paper, 2D: at the last join live the skip (64), the up-convolution (64) and both joined (128).
    assert cost(UNetConfig()).bytes_per_voxel == 4 * (64 + 64 + 128)
    # One level of 8 and 32 channels: at the second convolution its input and its output.
    assert cost(UNetConfig(encoder=((8, 32),), up=(), decoder=())).bytes_per_voxel == 4 * (8 + 32)
    # Residual, from 2 maps to 8: what came in, projected, the last convolution, and their sum.
    one = UNetConfig(in_channels=2, encoder=((8,),), up=(), decoder=(), block="residual")
    assert cost(one).bytes_per_voxel == 4 * (8 + 8 + 8)
    # Dense: the input, the 4 new maps, both joined (6); then 4 more beside 6, and all joined (10).
    one = UNetConfig(in_channels=2, encoder=((8, 8),), up=(), decoder=(), block="dense")
    assert cost(one).bytes_per_voxel == 4 * (6 + 4 + 10)


def test_whether_a_network_is_local() -> None:
    assert all(is_local(config) for config in NETWORKS.values())
    assert not any(is_local(config) for config in WHOLE.values())
