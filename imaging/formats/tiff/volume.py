"""A stack of TIFF pages as a volume."""

import numpy as np

from imaging.formats.affine import ORIENTATION_UNKNOWN
from imaging.formats.raster import Layout, damaged
from imaging.formats.tiff.pixel_size import PixelSize
from imaging.scan import Reader, Scan

_NO_SIZE = "The file does not state the size of its voxels; 1 mm is assumed."
_NO_DISTANCE = (
    "The file does not state the distance of its planes; that of the pixels of a row is assumed."
)


def volume_of(layout: Layout, planes: int, reader: Reader, size: PixelSize) -> Scan:
    """The volume, of axes (c, plane, row, column).

    A TIFF states no position in the patient. Planes are taken from inferior to superior, rows from
    anterior to posterior, and columns from right to left (LPS, as for OME-Zarr).
    """
    if layout.rows < 1 or layout.columns < 1:
        raise damaged("The image has no pixels.")
    spacing, warnings = _spacing_mm(size)
    plane, row, column = spacing
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = plane, -row, -column, 1.0
    grid = (planes, layout.rows, layout.columns)
    return Scan(
        shape=(layout.components, *grid),
        dtype=layout.dtype,
        affine=affine,
        spacing_mm=spacing,
        format=layout.format,
        reader=reader,
        stored_shape=grid,
        warnings=(ORIENTATION_UNKNOWN, *warnings, *layout.warnings),
    )


def _spacing_mm(size: PixelSize) -> tuple[tuple[float, float, float], tuple[str, ...]]:
    """(plane, row, column), and warnings about what is assumed."""
    if size.row is None or size.column is None:
        return (1.0, 1.0, 1.0), (_NO_SIZE,)
    if size.plane is None:
        return (size.column, size.row, size.column), (_NO_DISTANCE,)
    return (size.plane, size.row, size.column), ()
