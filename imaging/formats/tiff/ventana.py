"""Slides of Ventana and Roche scanners (BIF), whose tiles may overlap."""

import re
from typing import cast

import tifffile

from imaging.errors import UnsupportedScan

_XMP = 700
_OVERLAP = re.compile(r'Overlap[XY]\s*=\s*"\s*-?0*([1-9][0-9]*)')


def check_tiles(file: tifffile.TiffFile) -> None:
    """Raises UnsupportedScan where tiles overlap: side by side they show tissue twice.

    The overlap of neighbouring tiles is stated in the XMP of the image, as `TileJointInfo`.
    """
    for page in file.pages:
        if _OVERLAP.search(xmp_text(page)):
            raise UnsupportedScan(
                "The tiles of the Ventana slide overlap and have to be joined.",
                expected="A slide whose tiles lie side by side.",
                hint="Convert it to a pyramidal TIFF, for example with QuPath or "
                "`vips tiffsave --pyramid`, and send that.",
            )


def xmp_text(page: tifffile.TiffPage | tifffile.TiffFrame) -> str:
    """The XMP of a page, in which these scanners state the tiles and the resolution."""
    stored = cast("tifffile.TiffPage", page).tags.valueof(_XMP, b"")
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else str(stored)
