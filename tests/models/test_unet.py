"""The networks of the two papers, and what a configuration may hold."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imaging.errors import BadModel
from models.nets.architecture import layers
from models.nets.blocks import BLOCKS
from models.nets.bottlenecks import BOTTLENECKS
from models.nets.config import Block, Bottleneck, UNetConfig
from models.nets.cost import cost
from models.nets.receptive_field import receptive_field
from models.nets.unet import UNet
from tests.support.networks import PAPER_3D


def on_paper(config: UNetConfig) -> UNet:
    """Shapes without numbers: torch's meta device."""
    with torch.device("meta"):
        return UNet(config)


@pytest.mark.slow
def test_the_default_is_the_2d_papers_network() -> None:
    network = on_paper(UNetConfig())
    assert sum(p.numel() for p in network.parameters()) == 31_030_658
    assert network(torch.empty(1, 1, 572, 572, device="meta")).shape == (1, 2, 388, 388)


@pytest.mark.slow
def test_unet3d_is_the_3d_papers_network() -> None:
    network = on_paper(PAPER_3D)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    own = sum(p.numel() for m in norms for p in m.parameters())
    assert len(norms) == 14
    assert sum(p.numel() for p in network.parameters()) - own == 19_069_955
    image = torch.empty(1, 3, 132, 132, 116, device="meta")
    assert network(image).shape == (1, 3, 44, 44, 28)


def test_a_skip_is_joined_where_it_lies() -> None:
    """Given a network whose every path passes a voxel on unchanged, then nothing moves."""
    config = UNetConfig.of_widths((1, 1), convolutions=1, out_channels=1)
    network = UNet(config)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.zero_()
                module.weight[:, :1, module.kernel_size[0] // 2, module.kernel_size[1] // 2] = 1
    image = torch.rand(1, 1, 18, 26)
    crop = (18 - network(image).shape[2]) // 2
    assert torch.equal(network(image), image[:, :, crop:-crop, crop:-crop])


def test_same_padding_keeps_the_size() -> None:
    network = UNet(UNetConfig.of_widths((2, 3, 4), dimension=3, padding="same"))
    assert network(torch.zeros(2, 1, 4, 8, 12)).shape == (2, 2, 4, 8, 12)


def test_dropout_stands_at_the_bottom_and_is_off_when_serving() -> None:
    network = UNet(UNetConfig.of_widths((2, 4), padding="same", dropout=0.5))
    image = torch.rand(1, 1, 16, 16)
    torch.manual_seed(0)
    assert not torch.equal(network(image), network(image))
    network.eval()
    assert torch.equal(network(image), network(image))


def test_a_plain_network_is_the_papers_layers_one_after_the_other() -> None:
    """Written out once more, on the network's own weights."""
    torch.manual_seed(0)
    network = UNet(UNetConfig.of_widths((3, 4, 5), batch_norm=True)).eval()
    weights = network.state_dict()
    for name, values in weights.items():
        if "norm" in name and values.is_floating_point():
            values.uniform_(0.5, 1.5)

    def convolved(values: Tensor, level: str) -> Tensor:
        for n in (1, 2):
            conv, norm = (f"{level}.{word}{n}" for word in ("conv", "norm"))
            values = functional.conv2d(values, weights[f"{conv}.weight"], weights[f"{conv}.bias"])
            kept = [weights[f"{norm}.{end}"] for end in ("running_mean", "running_var")]
            learnt = [weights[f"{norm}.{end}"] for end in ("weight", "bias")]
            values = functional.batch_norm(values, *kept, *learnt).relu()
        return values

    def raised(values: Tensor, skip: Tensor, level: int) -> Tensor:
        up = f"up.{level}"
        values = functional.conv_transpose2d(
            values, weights[f"{up}.weight"], weights[f"{up}.bias"], stride=2
        )
        crop = (skip.shape[2] - values.shape[2]) // 2
        skip = skip[:, :, crop:-crop, crop:-crop]
        return convolved(torch.cat([skip, values], 1), f"decoder.{level}")

    image = torch.rand(1, 1, 52, 60)
    fine = convolved(image, "encoder.0")
    middle = convolved(functional.max_pool2d(fine, 2), "encoder.1")
    bottom = convolved(functional.max_pool2d(middle, 2), "encoder.2")
    last = raised(raised(bottom, middle, 1), fine, 0)
    expected = functional.conv2d(last, weights["head.weight"], weights["head.bias"])
    with torch.no_grad():
        assert torch.equal(network(image), expected)


@pytest.mark.parametrize(
    ("block", "parameters"),
    [
        ("plain", 16 * (8 * 9 + 1)),
        ("dilated", 16 * (8 * 9 + 1)),
        ("residual", 16 * (8 * 9 + 1) + 16 * (8 + 1)),
        ("dense", 8 * (8 * 9 + 1) + 16 * (16 + 1)),
        ("inception", 4 * 9 + (4 * 9 + 8 * 37) + (1 * 9 + 2 * 26) + 2 * 9),
        ("fire", 4 * 9 + 8 * 5 + 8 * 37),
        ("separable", 8 * 10 + 16 * 9),
        ("shuffle", 8 * 5 + 8 * 10 + 16 * 5 + 16 * 9),
    ],
)
def test_a_block_has_the_weights_that_its_paper_draws(block: str, parameters: int) -> None:
    """One step from 8 to 16 maps, in two dimensions."""
    config = UNetConfig(in_channels=8, encoder=((16,),), up=(), decoder=(), block=block)  # type: ignore[arg-type]
    head = 2 * 17
    assert cost(config).parameters == parameters + head
    squeezed = replace(config, squeeze_excite=True)
    assert cost(squeezed).parameters == parameters + head + 4 * 17 + 16 * 5


def test_a_shuffle_block_lets_every_map_see_every_map() -> None:
    """Without the shuffle a group of maps would never hear of the others."""
    config = UNetConfig(
        in_channels=32, encoder=((32,),), up=(), decoder=(), block="shuffle", padding="same"
    )
    network = UNet(config).eval()
    block = {layer.name: layer for layer in layers(config)}
    assert block["encoder.0.conv1"].groups == block["encoder.0.conv3"].groups == 4
    seen = []
    network.get_submodule("encoder.0.conv3").register_forward_hook(
        lambda _module, _inputs, values: seen.append(values.isnan()[0].flatten(1).all(1))
    )
    for poisoned in range(32):
        image = torch.rand(1, 32, 3, 3)
        image[:, poisoned] = torch.nan
        network(image)
    assert torch.stack(seen).all()


def test_every_choice_has_its_function() -> None:
    assert tuple(BLOCKS) == get_args(Block)
    assert tuple(BOTTLENECKS) == get_args(Bottleneck)


@pytest.mark.parametrize(("block", "width"), [("inception", 3), ("fire", 1), ("shuffle", 5)])
def test_a_block_that_cannot_be_so_narrow_is_refused(block: str, width: int) -> None:
    config = UNetConfig.of_widths((8, width), block=block)
    with pytest.raises(BadModel, match=f"width of {width}"):
        receptive_field(config)
    with pytest.raises(BadModel, match=block):
        UNet(config)


@pytest.mark.parametrize(
    "fields",
    [
        {"block": "transformer"},
        {"bottleneck": "aspp2"},
        {"skip": ""},
        {"upsampling": "nearest"},
        {"activation": "gelu"},
        {"padding": "reflect"},
        {"up": (512,)},
        {"encoder": ()},
        {"encoder": ((8,), (), (8,)), "up": (8, 8), "decoder": ((8,), (8,))},
        {"encoder": ((8,), (8,)), "up": (8,), "decoder": ((0,),)},
        {"in_channels": 0},
    ],
)
def test_numbers_that_describe_no_unet_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(BadModel):
        UNetConfig(**fields)  # type: ignore[arg-type]
