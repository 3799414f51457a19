"""What is known about a tensor of a network before the network runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.windows import Windows

Shape = tuple[Size | None, ...]
"""Sizes of the dimensions, in order; None: unknown. The batch counts as 1."""
MOST_VALUES = 64
"""Constants up to this many elements may be part of shape arithmetic."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """The shape of a tensor, what it reads of the image, and its values if they are sizes."""

    shape: Shape | None
    """None: unknown."""
    reads: Mapping[int, Windows] = field(default_factory=dict)
    """For each spatial axis of the image that the tensor has, what its positions read."""
    values: NDArray[Any] | None = None
    """Array of Size: the values of a small constant, or of a computed size."""
    integral: bool = False
    """Whether `values` are integers, so that a division rounds."""
    feature: bool = False
    """Whether it is computed from the voxels of the image."""
    whole: str = ""
    """The first layer that uses the whole tile, and why; empty: all layers so far are local."""

    @property
    def known_shape(self) -> tuple[Size, ...]:
        """The shape; raises UnknownSize where any of it is unknown."""
        if self.shape is None:
            raise UnknownSize
        sizes = tuple(size for size in self.shape if size is not None)
        if len(sizes) < len(self.shape):
            raise UnknownSize
        return sizes

    @property
    def rank(self) -> int:
        """Number of dimensions; raises UnknownSize where that is unknown."""
        if self.shape is None:
            raise UnknownSize
        return len(self.shape)

    @property
    def known_values(self) -> NDArray[Any]:
        """The values; raises UnknownSize where they are unknown."""
        if self.values is None or any(value is None for value in self.values.flat):
            raise UnknownSize
        return self.values

    @property
    def sizes(self) -> tuple[Size, ...]:
        """The values of a list."""
        return tuple(self.known_values.reshape(-1))

    @property
    def integers(self) -> tuple[int, ...]:
        """The values of a list of constant integers."""
        return tuple(int(size) for size in self.sizes)


def constant(array: NDArray[Any]) -> Tensor:
    """A constant of the graph; its values are kept if there are few."""
    shape = tuple(number(n) for n in array.shape)
    integral = array.dtype.kind in "iub"
    if array.size > MOST_VALUES or array.dtype.kind not in "iubf":
        return Tensor(shape, integral=integral)
    return Tensor(shape, values=_as_sizes(array), integral=integral)


def of_values(values: NDArray[Any], *, integral: bool) -> Tensor:
    """A tensor with these values, an array of Size or None."""
    return Tensor(tuple(number(n) for n in values.shape), values=values, integral=integral)


def _as_sizes(array: NDArray[Any]) -> NDArray[Any]:
    values = np.empty(array.shape, object)
    for index in np.ndindex(*array.shape):
        try:
            values[index] = number(array[index].item())
        except UnknownSize:
            values[index] = None
    return values
