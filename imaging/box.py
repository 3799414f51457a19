"""A half-open box of voxels, in plain integers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Self


@dataclass(frozen=True, slots=True)
class Box:
    """`start[a] <= index < stop[a]` on every spatial axis `a`."""

    start: tuple[int, ...]
    stop: tuple[int, ...]

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Self:
        """The box of a whole grid of this spatial shape."""
        return cls((0,) * len(shape), tuple(shape))

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Indexes an array of the grid's shape."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
