"""Half-open boxes of voxels, and how to divide a grid into them."""

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
        """Number of voxels along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of voxels."""
        return prod(self.shape)

    def part(self, inner: Self) -> Self:
        """`inner`, which is relative to this box's first voxel, as a box of this box's grid."""
        start, stop = (
            tuple(a + b for a, b in zip(self.start, edge, strict=True))
            for edge in (inner.start, inner.stop)
        )
        return type(self)(start, stop)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as an index into an array of the grid's shape."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))


def blocks(grid: Sequence[int], voxels: int) -> Iterator[Box]:
    """Boxes that partition `grid`, each of at most `voxels` voxels (at least one).

    The longest edge is halved until the boxes are small enough. Boxes that are nearly cubes are
    fast to read for any order of axes in a file. The same grid always gives the same boxes.
    """
    edges = list(grid)
    while prod(edges) > voxels and max(edges) > 1:
        longest = edges.index(max(edges))
        edges[longest] = -(-edges[longest] // 2)
    return boxes(grid, edges)


def boxes(grid: Sequence[int], edges: Sequence[int]) -> Iterator[Box]:
    """Boxes with these edges that partition `grid`; the last ones on an axis may be smaller."""
    for start in product(*(range(0, n, max(1, e)) for n, e in zip(grid, edges, strict=True))):
        ends = zip(start, edges, grid, strict=True)
        yield Box(start, tuple(min(a + edge, n) for a, edge, n in ends))
