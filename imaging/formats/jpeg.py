"""Reads JPEG pictures (ITU-T T.81), and proves them whole."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.formats.limits import Limits
from imaging.formats.picture import (
    TURNED,
    Layout,
    decoded_whole,
    foreign_decoder,
    unsupported,
)
from imaging.scan import Scan

SIGNATURE = b"\xff\xd8\xff"
_ORIENTATION = 0x0112  # EXIF
_COMPONENTS = {"L": 1, "RGB": 3}


def open_jpeg(path: Path, limits: Limits) -> Scan:
    """The picture at `path`, its pixels as stored: an EXIF orientation is told of, not applied."""
    with foreign_decoder(), Image.open(path, formats=["JPEG"]) as picture:
        columns, rows = picture.size
        mode = picture.mode
        turned = picture.getexif().get(_ORIENTATION, 1) != 1
    if mode not in _COMPONENTS:
        raise unsupported("The picture is neither grey nor RGB.")
    layout = Layout(
        format="jpeg",
        rows=rows,
        columns=columns,
        components=_COMPONENTS[mode],
        dtype=np.dtype(np.uint8),
        warnings=(TURNED,) if turned else (),
    )
    return decoded_whole(layout, lambda: _decode(path), limits)


def verify_jpeg(path: Path, limits: Limits) -> Scan:
    """As open_jpeg, and proves that the coded data is whole.

    All of it is decoded at an eighth of the size: a 64th of the pixels are held. The decoder keeps
    every coefficient of a progressive picture besides, two bytes each: up to twice the bytes of its
    pixels, which Limits bound before.
    """
    scan = open_jpeg(path, limits)
    rows, columns = scan.grid
    with foreign_decoder(), Image.open(path, formats=["JPEG"]) as picture:
        picture.draft(picture.mode, (max(1, columns // 8), max(1, rows // 8)))
        picture.load()
    return scan


def _decode(path: Path) -> NDArray[Any]:
    with Image.open(path, formats=["JPEG"]) as picture:
        return np.asarray(picture)
