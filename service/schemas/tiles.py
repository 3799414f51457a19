"""Tiles of large images."""

from service.schemas.fields import Wire


class TilesOut(Wire):
    """How an image and its masks are cut into tiles, and whether this one can be read yet.

    Level `max_level` has the image's own size, and each level below is half of the one above,
    rounded up. The tile in row r and column c of a level begins at its pixel (r x `tile_size`,
    c x `tile_size`).
    """

    width: int
    height: int
    tile_size: int
    min_level: int
    max_level: int
    ready: bool
    fraction: float
    """Share of the tiles that are made, 0 to 1."""
