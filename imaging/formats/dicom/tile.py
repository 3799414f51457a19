"""A part of an image that is a plane of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tile:
    """A rectangle of pixels in an image."""

    top: int
    left: int
    rows: int
    columns: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Of the image's rows and columns."""
        return slice(self.top, self.top + self.rows), slice(self.left, self.left + self.columns)
