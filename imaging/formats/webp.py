"""WebP as a scan format: still images (RFC 9649)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.format import ScanFormat, only_part
from imaging.formats.limits import UNLIMITED, Limits
from imaging.formats.png.clean_copy import write_clean_png
from imaging.formats.raster import (
    ALPHA_IGNORED,
    Layout,
    damaged,
    decoded_as_a_whole,
    decoder_errors,
    unsupported,
)
from imaging.scan import Scan

_RIFF_BYTES, _HEADER_BYTES = 8, 30
_ALPHA, _ANIMATION = 0x10, 0x02
"""Flags of VP8X (section 2.7)."""


@dataclass(frozen=True, slots=True)
class Header:
    """The size of the canvas, and what is in it."""

    rows: int
    columns: int
    alpha: bool = False
    animated: bool = False


def _read_header(path: Path) -> Header:
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    header = parse(start)
    if int.from_bytes(start[4:8], "little") + _RIFF_BYTES > path.stat().st_size:
        raise damaged("The image is cut off.")
    return header


def parse(start: bytes) -> Header:
    """The first chunk: VP8X (section 2.7), VP8L (3.4) or VP8 (RFC 6386, 9.1).

    `start`: the file, or its first 30 bytes. Raises UnreadableScan.
    """
    if len(start) < _HEADER_BYTES:
        raise damaged("The image ends inside its header.")
    kind = start[12:16]
    if kind == b"VP8X":
        columns, rows = (int.from_bytes(start[n : n + 3], "little") + 1 for n in (24, 27))
        return Header(rows, columns, bool(start[20] & _ALPHA), bool(start[20] & _ANIMATION))
    if kind == b"VP8L":
        bits = int.from_bytes(start[21:25], "little")
        return Header((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, bool(bits >> 28 & 1))
    if kind == b"VP8 ":
        columns, rows = (int.from_bytes(start[n : n + 2], "little") & 0x3FFF for n in (26, 28))
        return Header(rows, columns)
    raise damaged("The first chunk of the image is not known.")


def _open(path: Path, limits: Limits, _scratch: Path | None = None) -> Scan:
    header = _read_header(path)
    if header.animated:
        raise unsupported("The image is animated.")
    layout = Layout(
        format="webp",
        rows=header.rows,
        columns=header.columns,
        components=3,
        dtype=np.dtype(np.uint8),
        warnings=(ALPHA_IGNORED,) if header.alpha else (),
    )
    return decoded_as_a_whole(layout, lambda: _decode(path), limits)


def _decode(path: Path) -> NDArray[Any]:
    return np.asarray(imagecodecs.webp_decode(path.read_bytes()))[..., :3]


def _verify(path: Path, limits: Limits) -> Scan:
    """As `_open`, and decodes the image once."""
    with decoder_errors():
        _open(path, limits).read(Box((0, 0), (1, 1)))
    return _open(path, limits)


SCAN = ScanFormat(
    name="webp",
    title="WebP",
    endings=(".webp",),
    media_type="image/webp",
    dimensions=(2,),
    recognises=lambda start: start.starts_with(b"RIFF") and start.head[8:12] == b"WEBP",
    open=_open,
    verify=_verify,
    deidentify=only_part(lambda path, target: write_clean_png(_open(path, UNLIMITED), target)),
)
