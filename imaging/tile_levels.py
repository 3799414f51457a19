"""A picture in tiles at every size, numbered as Deep Zoom does: each level is half of the next."""

from collections.abc import Iterator
from dataclasses import dataclass

from imaging.box import Box
from imaging.errors import NotFound

TILE = 512
"""Edge of a tile in pixels; even, so that a row of tiles is halved by itself."""


@dataclass(frozen=True, slots=True)
class TileLevels:
    """The levels of a picture of (rows, columns) pixels."""

    rows: int
    columns: int

    @property
    def full(self) -> int:
        """The level of the picture itself."""
        return (max(self.rows, self.columns) - 1).bit_length()

    @property
    def smallest(self) -> int:
        """The largest level that is a single tile."""
        level = self.full
        while max(self.size(level)) > TILE:
            level -= 1
        return level

    def size(self, level: int) -> tuple[int, int]:
        """(rows, columns) of a level."""
        step = 1 << (self.full - level)
        return -(-self.rows // step), -(-self.columns // step)

    def tile(self, level: int, row: int, column: int) -> Box:
        """The tile's pixels in its level; raises NotFound for a tile outside."""
        if not self.smallest <= level <= self.full:
            raise NotFound(
                "The picture has no such level.", expected=f"{self.smallest} to {self.full}."
            )
        start, size = (row * TILE, column * TILE), self.size(level)
        if min(start) < 0 or any(a >= n for a, n in zip(start, size, strict=True)):
            raise NotFound("The tile is outside of the picture.")
        ends = (min(a + TILE, n) for a, n in zip(start, size, strict=True))
        return Box(start, tuple(ends))

    def tiles(self, level: int) -> int:
        """How many tiles a level has."""
        rows, columns = (-(-n // TILE) for n in self.size(level))
        return rows * columns

    def downwards(self) -> Iterator[int]:
        """The levels, the largest first."""
        return iter(range(self.full, self.smallest - 1, -1))
