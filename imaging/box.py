"""A half-open box of voxels, in plain integers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
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

    def part(self, inner: Self) -> Self:
        """`inner`, a box whose places are counted from this one's first voxel."""
        start, stop = (
            tuple(a + b for a, b in zip(self.start, edge, strict=True))
            for edge in (inner.start, inner.stop)
        )
        return type(self)(start, stop)

    @property
    def slices(self) -> tuple[slice, ...]:
        """Indexes an array of the grid's shape."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))


def blocks(grid: Sequence[int], voxels: int) -> Iterator[Box]:
    """Boxes that partition `grid`, of at most `voxels` voxels each, or of one.

    The longest edge is halved until they are small: near to cubes, they are quick to read however
    a file orders its axes, and always the same for the same grid.
    """
    edges = list(grid)
    while prod(edges) > voxels and max(edges) > 1:
        longest = edges.index(max(edges))
        edges[longest] = -(-edges[longest] // 2)
    return boxes(grid, edges)


def boxes(grid: Sequence[int], edges: Sequence[int]) -> Iterator[Box]:
    """Boxes of these edges that partition `grid`, the last ones smaller."""
    for start in product(*(range(0, n, max(1, e)) for n, e in zip(grid, edges, strict=True))):
        ends = zip(start, edges, grid, strict=True)
        yield Box(start, tuple(min(a + edge, n) for a, edge, n in ends))
