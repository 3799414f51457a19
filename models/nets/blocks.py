"""What a U-Net is built from, in two and three dimensions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.nets.config import KERNEL, UNetConfig

CONVOLUTION: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, type[nn.BatchNorm2d | nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL: dict[int, type[nn.MaxPool2d | nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
UP: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}


def level(config: UNetConfig, before: int, widths: Sequence[int]) -> nn.Sequential:
    """3-wide convolutions of these output channels, each followed by (batch norm and) ReLU."""
    layers: list[nn.Module] = []
    padding = KERNEL // 2 if config.padding == "same" else 0
    for width in widths:
        layers.append(CONVOLUTION[config.dimension](before, width, KERNEL, padding=padding))
        if config.batch_norm:
            layers.append(NORM[config.dimension](width))
        layers.append(nn.ReLU(inplace=True))
        before = width
    return nn.Sequential(*layers)


class Join(nn.Module):
    """Crops a skip by `crop` voxels on each side of each axis and puts it before `values`."""

    def __init__(self, crop: int) -> None:
        super().__init__()
        self.crop = crop

    def forward(self, skip: Tensor, values: Tensor) -> Tensor:
        """(n, a, *spatial + 2 * crop) and (n, b, *spatial) -> (n, a + b, *spatial)."""
        if self.crop:
            inner = (slice(self.crop, -self.crop),) * (skip.ndim - 2)
            skip = skip[(slice(None), slice(None), *inner)]
        return torch.cat([skip, values], dim=1)
