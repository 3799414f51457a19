"""Opens and verifies JPEG images (ITU-T T.81)."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.formats.jpeg.frame import frame_of
from imaging.formats.jpeg.metadata_size import check_metadata
from imaging.formats.limits import Limits
from imaging.formats.raster import (
    ORIENTATION_IGNORED,
    Layout,
    decoded_as_a_whole,
    decoder_errors,
    unsupported,
)
from imaging.scan import Scan

SIGNATURE = b"\xff\xd8\xff"
_ORIENTATION = 0x0112  # EXIF
_COMPONENTS = {"L": 1, "RGB": 3}


def open_jpeg(path: Path, limits: Limits) -> Scan:
    """The image at `path`, with its pixels as stored; an EXIF orientation only gives a warning."""
    check_metadata(path)
    frame = frame_of(path)
    if frame is not None and frame.unusual:
        raise unsupported(frame.unusual)
    with decoder_errors(), Image.open(path, formats=["JPEG"]) as image:
        columns, rows = image.size
        mode = image.mode
        rotated = image.getexif().get(_ORIENTATION, 1) != 1
    if mode not in _COMPONENTS:
        raise unsupported("The image is neither grey nor RGB.")
    layout = Layout(
        format="jpeg",
        rows=rows,
        columns=columns,
        components=_COMPONENTS[mode],
        dtype=np.dtype(np.uint8),
        warnings=(ORIENTATION_IGNORED,) if rotated else (),
    )
    return decoded_as_a_whole(layout, lambda: _decode(path), limits)


def verify_jpeg(path: Path, limits: Limits) -> Scan:
    """As open_jpeg, and verifies that the coded data is complete.

    The image is decoded at an eighth of its size, so that 1/64 of the pixels is held. Of a
    progressive image the decoder also holds every coefficient, two bytes each: up to twice the
    bytes of its pixels, which Limits have bounded before.
    """
    scan = open_jpeg(path, limits)
    rows, columns = scan.grid
    with decoder_errors(), Image.open(path, formats=["JPEG"]) as image:
        image.draft(image.mode, (max(1, columns // 8), max(1, rows // 8)))
        image.load()
    return scan


def _decode(path: Path) -> NDArray[Any]:
    with Image.open(path, formats=["JPEG"]) as image:
        return np.asarray(image)
