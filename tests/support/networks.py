"""Small networks with seeded random weights, exported with their cards."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.card_facts import CardFacts
from models.export import export_network
from models.nets.config import UNetConfig
from models.nets.unet import UNet
from models.registry import Model, Registry

PAPER_3D = UNetConfig(
    dimension=3,
    in_channels=3,
    out_channels=3,
    encoder=((32, 64), (64, 128), (128, 256), (256, 512)),
    up=(512, 256, 128),
    decoder=((256, 256), (128, 128), (64, 64)),
    batch_norm=True,
    up_bias=False,
)
"""The network of Çiçek et al. 2016 (arXiv:1606.06650), figure 2: 3 channels in, 3 out."""


def random_network(config: UNetConfig, seed: int) -> UNet:
    """For use, not for training."""
    torch.manual_seed(seed)
    return UNet(config).eval()


def exported(
    network: nn.Module, config: UNetConfig, name: str, folder: Path, **facts: Any
) -> Model:
    """The network in folder/name; `facts` are those of its card that differ from the usual."""
    numbers = range(1, config.out_channels)
    usual = {
        "name": name,
        "title": "random weights, for tests",
        "channels": [{"name": "image", "components": config.in_channels}],
        "labels": [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in numbers],
        "outputs": list(range(config.out_channels)),
        "intensity": {"kind": "zscore"},
        "licence": "none",
    }
    export_network(network, CardFacts.model_validate(usual | facts), folder / name)  # type: ignore[arg-type]
    return Registry(folder, zoo=folder / "none").network(name)
