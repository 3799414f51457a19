"""The layers of a MeshNet, as all its file formats are read: channels first, all of stride 1."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Function = Literal["elu", "relu", "gelu", "sigmoid"]
FUNCTIONS: tuple[Function, ...] = get_args(Function)


@dataclass(frozen=True, slots=True)
class Convolution:
    """A convolution whose padding with zeros keeps the size."""

    weight: Array
    """(out, in, k, k, k), with odd k."""
    bias: Array
    """(out,)"""
    dilation: tuple[int, ...]
    """Distance of the kernel's taps in voxels, per axis."""

    @property
    def radius(self) -> tuple[int, ...]:
        """Voxels that it reads to each side, per axis."""
        kernel = self.weight.shape[2:]
        return tuple((k - 1) // 2 * d for k, d in zip(kernel, self.dilation, strict=True))


@dataclass(frozen=True, slots=True)
class Norm:
    """A batch norm with frozen statistics; each array is (channels,)."""

    scale: Array
    offset: Array
    mean: Array
    variance: Array
    epsilon: float


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of single values."""

    function: Function


Layer = Convolution | Norm | Activation
Layers = tuple[Layer, ...]


def convolutions(layers: Layers) -> list[Convolution]:
    """The convolutions alone, in their order."""
    return [layer for layer in layers if isinstance(layer, Convolution)]
