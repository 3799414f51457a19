"""A small network, saved as torch saves programs."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """A small U-Net, whose outputs may be several and may be probabilities."""

    def __init__(self, outputs: int = 3, *, several: bool = False, sigmoid: bool = False) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU())
        self.deep = nn.Sequential(nn.MaxPool3d(2), nn.Conv3d(4, 4, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose3d(4, 4, 2, stride=2)
        self.last = nn.Conv3d(8, outputs, 1)
        self.several, self.sigmoid = several, sigmoid

    def forward(self, image: Tensor) -> Any:
        fine = self.first(image)
        logits = self.last(torch.cat((fine, self.up(self.deep(fine))), 1))
        if self.sigmoid:
            logits = torch.sigmoid(logits)
        return (logits, fine) if self.several else logits


def torchscript(network: nn.Module, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(network.eval(), torch.randn(1, 1, 16, 16, 16))
    traced.save(folder / "net.pt")
    return folder / "net.pt"


def scripted(network: nn.Module, folder: Path) -> Path:
    torch.jit.script(network.eval()).save(folder / "net.pt")
    return folder / "net.pt"


def exported(network: nn.Module, folder: Path) -> Path:
    free = dict.fromkeys((0, 2, 3, 4), torch.export.Dim.AUTO)
    program = torch.export.export(
        network.eval(), (torch.randn(2, 1, 16, 20, 24),), dynamic_shapes=(free,)
    )
    torch.export.save(program, folder / "net.pt2")
    return folder / "net.pt2"
