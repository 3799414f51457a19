"""The networks of the two papers, and what a configuration may hold."""

import pytest
import torch
from torch import nn

from imaging.errors import BadModel
from models.nets.config import UNetConfig
from models.nets.unet import UNet


def on_paper(config: UNetConfig) -> UNet:
    """Shapes without numbers: torch's meta device."""
    with torch.device("meta"):
        return UNet(config)


def test_the_default_is_the_2d_papers_network() -> None:
    network = on_paper(UNetConfig())
    assert sum(p.numel() for p in network.parameters()) == 31_030_658
    assert network(torch.empty(1, 1, 572, 572, device="meta")).shape == (1, 2, 388, 388)


def test_unet3d_is_the_3d_papers_network() -> None:
    network = on_paper(UNetConfig.unet3d())
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


@pytest.mark.parametrize(
    "fields",
    [
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
