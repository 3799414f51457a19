"""Invariant 5 as a property: any network, image and tile, in whole numbers, bit for bit.

The networks are U-Nets of any local parts, of one channel, whose sums are taken modulo a prime, so
that nothing rounds; halo, align and legal sizes are those that `receptive_field` derives from the
same layers.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast, get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import tiling
from imaging.errors import BadRequest
from models.nets.architecture import layers
from models.nets.config import Block, Bottleneck, Skip, UNetConfig, Upsampling
from models.nets.graph import Graph
from models.nets.layer import Layer
from models.nets.receptive_field import receptive_field

pytestmark = pytest.mark.slow

Whole = NDArray[np.int64]
PRIME = 65_521
TAPS = (3, 7, 11, 13, 17)
"""Along each axis; not symmetric, so that a mirrored read cannot pass for the right one."""


def convolved(rows: Whole, layer: Layer) -> Whole:
    """3 or 5 wide, or 1; `same` pads with zeros."""
    rows = np.pad(rows, [(layer.pad, layer.pad)] + [(0, 0)] * (rows.ndim - 1))
    left = len(rows) - (layer.kernel - 1) * layer.dilation
    starts = [tap * layer.dilation for tap in range(layer.kernel)]
    terms = [tap * rows[at : at + left] for tap, at in zip(TAPS, starts, strict=False)]
    return (sum(terms) + 1) % PRIME  # type: ignore[return-value]


def largest(rows: Whole, layer: Layer) -> Whole:
    """Of 3, nothing beyond the edges."""
    around = [(layer.pad, layer.pad)] + [(0, 0)] * (rows.ndim - 1)
    rows = np.pad(rows, around, constant_values=-1)
    return np.maximum(np.maximum(rows[:-2], rows[1:-1]), rows[2:])


def pooled(rows: Whole) -> Whole:
    assert len(rows) % 2 == 0
    return np.maximum(rows[::2], rows[1::2])


def interpolated(rows: Whole) -> Whole:
    """Three parts of the nearer and one of the farther, which at an edge is the nearer itself."""
    before, after = np.r_[rows[:1], rows[:-1]], np.r_[rows[1:], rows[-1:]]
    pairs = np.stack([3 * rows + before, 3 * rows + after], 1) % PRIME
    return pairs.reshape(2 * len(rows), *rows.shape[1:])


def met(*sources: Whole) -> Whole:
    return sum(TAPS[n % 5] * values for n, values in enumerate(sources)) % PRIME  # type: ignore[return-value]


def along_rows(rows: Whole, layer: Layer) -> Whole:
    """What a layer does along one axis, which is the first."""
    if layer.kind == "convolution":
        return convolved(rows, layer)
    if layer.kind == "maximum":
        return largest(rows, layer)
    if layer.kind == "pool":
        return pooled(rows)
    if layer.kind == "up":
        return np.repeat(rows, 2, 0)
    if layer.kind == "interpolate":
        return interpolated(rows)
    return rows[layer.crop : len(rows) - layer.crop]


def network(config: UNetConfig, image: Whole) -> Whole:
    """The layers of the U-Net, on one channel."""
    found = [image]
    for layer in layers(config)[1:]:
        sources = [found[source] for source in layer.sources]
        values = met(*sources) if layer.kind in ("join", "add") else sources[0]
        for axis in range(values.ndim):
            values = np.moveaxis(along_rows(np.moveaxis(values, axis, 0), layer), 0, axis)
        found.append(values)
    return found[-1]


def segmented(image: Whole, config: UNetConfig, plan: tiling.Plan) -> Whole:
    """Tile by tile, as the pipeline does it."""
    result = np.full_like(image, -1)
    for tile in plan:
        read = tiling.cut(lambda box: image[box.slices][None], image.shape, tile)[0]
        tiling.paste(result, tile, network(config, read)[tile.crop])
    return result


def planned(grid: Sequence[int], rule: tiling.TileRule, tiles: Sequence[int | None]) -> tiling.Plan:
    axes = zip(grid, tiles, strict=True)
    return tiling.Plan(tuple(tuple(tiling.plan_axis(n, rule, tile)) for n, tile in axes))


def rule_of(config: UNetConfig) -> tiling.TileRule:
    field = receptive_field(config)
    return tiling.TileRule(field.halo, field.align, field.minimum, config.padding == "valid")


def noise(grid: Sequence[int], seed: int) -> Whole:
    return np.random.default_rng(seed).integers(0, PRIME, grid)


LOCAL = {
    "padding": ("valid", "same"),
    "block": get_args(Block),
    "bottleneck": tuple(name for name in get_args(Bottleneck) if name != "pyramid"),
    "skip": get_args(Skip),
    "upsampling": get_args(Upsampling),
}


@settings(max_examples=150)
@given(
    st.data(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.fixed_dictionaries({field: st.sampled_from(names) for field, names in LOCAL.items()}),
)
def test_any_tiles_give_the_one_pass_result(
    data: st.DataObject, axes: int, levels: int, convolutions: int, choices: dict[str, str]
) -> None:
    config = UNetConfig.of_widths((4,) * levels, convolutions, **choices)
    rule = rule_of(config)
    limit = {1: 150, 2: 50, 3: 18}[axes]
    assume(axes < 3 or rule.minimum < 60)  # a valid network's tile of a volume grows large
    grid = tuple(data.draw(st.integers(1, limit)) for _ in range(axes))
    least = rule.at_least(2 * rule.margin + rule.align)
    tiles = [least + rule.align * data.draw(st.integers(0, 5)) for _ in grid]
    try:
        plan = planned(grid, rule, tiles)
    except BadRequest:
        assume(False)
        raise
    image = noise(grid, data.draw(st.integers(0, 9)))
    one_pass = segmented(image, config, planned(grid, rule, [None] * axes))
    np.testing.assert_array_equal(segmented(image, config, plan), one_pass)


@pytest.mark.parametrize(
    ("levels", "choices"),
    [
        (1, {"padding": "valid"}),
        (3, {"padding": "valid"}),
        (1, {"padding": "same"}),
        (1, {"padding": "same", "block": "dilated"}),
        (1, {"padding": "same", "block": "inception"}),
        (1, {"padding": "same", "bottleneck": "aspp"}),
        (1, {"padding": "valid", "block": "residual", "bottleneck": "aspp"}),
    ],
    ids=str,
)
def test_a_halo_one_too_short_is_found(levels: int, choices: dict[str, str]) -> None:
    """Beyond the halo nothing matters, and its outermost voxel does."""
    config = UNetConfig.of_widths((4,) * levels, **cast("dict[str, Any]", choices))
    rule, image = rule_of(config), noise((160,), 1)
    one_pass = segmented(image, config, planned((160,), rule, [None]))
    plan = planned((160,), rule, [rule.at_least(2 * rule.margin + 8 * rule.align)])
    assert len(plan) > 2

    def seen(halo: int) -> Whole:
        """With what lies farther than `halo` from the outputs that are kept put to nought."""
        result = np.full_like(image, -1)
        for tile in plan:
            read = tiling.cut(lambda box: image[box.slices][None], image.shape, tile)[0]
            start = tile.keep.start[0] - tile.read.start[0]
            read[: max(0, start - halo)] = 0
            read[start + tile.keep.shape[0] + halo :] = 0
            tiling.paste(result, tile, network(config, read)[tile.crop])
        return result

    np.testing.assert_array_equal(seen(rule.halo), one_pass)
    assert (seen(rule.halo - 1) != one_pass).any()


def test_a_read_start_off_the_grid_is_found() -> None:
    """By one voxel, in a `same` network that pools: all its context is there, on another grid."""
    config = UNetConfig.of_widths((1, 1, 1), 1, padding="same")
    rule, image = rule_of(config), noise((160,), 2)
    rule = replace(rule, halo=rule.halo + rule.align)  # one voxel less of it is still enough
    one_pass = segmented(image, config, planned((160,), rule, [None]))
    plan = planned((160,), rule, [80])
    assert len(plan) > 2
    np.testing.assert_array_equal(segmented(image, config, plan), one_pass)
    moved = [
        replace(span, read=(span.read[0] + 1, span.read[1] + 1), origin=span.origin + 1)
        if span.read[0] > 0 and span.read[1] < 160
        else span
        for span in plan.axes[0]
    ]
    assert (segmented(image, config, tiling.Plan((tuple(moved),))) != one_pass).any()


def test_a_dilation_that_was_forgotten_is_found() -> None:
    config = UNetConfig.of_widths((1, 1), padding="same", block="dilated")
    image = noise((160,), 3)
    one_pass = segmented(image, config, planned((160,), rule_of(config), [None]))
    forgetful = rule_of(replace(config, block="plain"))
    assert (segmented(image, config, planned((160,), forgetful, [48])) != one_pass).any()


def test_an_interpolation_whose_edge_is_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a `valid` network: the outermost voxel was made without its neighbour."""
    config = UNetConfig.of_widths((1, 1), 1, padding="valid", upsampling="interpolation")
    crop, image = Graph.crop, noise((160,), 4)

    def difference() -> int:
        layers.cache_clear()
        rule = rule_of(config)
        one, many = (planned((160,), rule, [tile]) for tile in (None, rule.at_least(40)))
        assert len(many) > 2
        return int((segmented(image, config, one) != segmented(image, config, many)).sum())

    def careless(graph: Graph, source: int, by: int) -> int:
        edge = graph.program[source].kind == "interpolate"
        return source if edge else crop(graph, source, by)

    assert difference() == 0
    with monkeypatch.context() as careful:
        careful.setattr(Graph, "crop", careless)
        kept = difference()
    layers.cache_clear()
    assert kept > 0
