"""Writes an image as MetaImage: its pixels and their size, and nothing else."""

from pathlib import Path

import numpy as np

from imaging.box import Box
from imaging.formats.metaimage.element_types import ELEMENT_TYPES
from imaging.formats.metaimage.space import MetaSpace
from imaging.formats.metaimage.write import write_blocks
from imaging.scan import Scan


def write_image(path: Path, scan: Scan) -> None:
    """Writes the image `scan`, compressed. The same image gives the same bytes."""
    rows, columns = scan.grid
    height, width = scan.spacing_mm or (1.0, 1.0)
    known = scan.dtype.str[1:] in ELEMENT_TYPES.values()
    kind = (scan.dtype if known else np.dtype(np.float32)).newbyteorder("<")
    pixels = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
    write_blocks(
        path,
        [pixels.astype(kind, copy=False).tobytes()],
        (columns, rows),
        kind,
        MetaSpace(
            np.diag([width, height, 1.0, 1.0]), "mm", oriented=False, sized=bool(scan.spacing_mm)
        ),
        channels=scan.shape[0],
        compress=True,
    )
