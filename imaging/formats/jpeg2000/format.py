"""JPEG 2000 as a scan format: files (.jp2) and codestreams (.j2k), also HTJ2K."""

from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.format import ScanFormat, only_part
from imaging.formats.jpeg2000.header import CODESTREAM, JP2, Header, read_header
from imaging.formats.limits import UNLIMITED, Limits
from imaging.formats.png.clean_copy import write_clean_png
from imaging.formats.raster import (
    ALPHA_IGNORED,
    Layout,
    decoded_as_a_whole,
    unsupported,
)
from imaging.scan import Scan

_COMPONENTS = {1: 1, 2: 1, 3: 3, 4: 3}
"""Components of the file -> those of the scan: a last one of two or four is alpha."""


def _open(path: Path, limits: Limits, _scratch: Path | None = None) -> Scan:
    header = read_header(path)
    layout = Layout(
        format="jpeg2000",
        rows=header.rows,
        columns=header.columns,
        components=_COMPONENTS[header.components],
        dtype=np.dtype(header.dtype),
        warnings=(ALPHA_IGNORED,) if header.components in (2, 4) else (),
    )
    return decoded_as_a_whole(layout, partial(_decode, path, header), limits)


def _decode(path: Path, header: Header) -> NDArray[Any]:
    """(row, column, component); unsigned samples of fewer than 8 bits are scaled to 0 to 255."""
    stored = np.asarray(imagecodecs.jpeg2k_decode(path.read_bytes(), planar=False))
    pixels = stored.reshape(header.rows, header.columns, header.components)
    pixels = pixels[..., : _COMPONENTS[header.components]]
    if header.bits >= 8 or header.signed:
        return pixels
    top = (1 << header.bits) - 1
    return ((pixels.astype(np.uint16) * 255 + top // 2) // top).astype(np.uint8)


def _verify(path: Path, limits: Limits) -> Scan:
    """As `_open`, and decodes the image once."""
    _open(path, limits).read(Box((0, 0), (1, 1)))
    return _open(path, limits)


def _deidentify(path: Path, target: Path) -> None:
    scan = _open(path, UNLIMITED)
    if scan.dtype.kind == "i":
        raise unsupported("The pixels of the image are signed, and no copy of them can be made.")
    write_clean_png(scan, target)


SCAN = ScanFormat(
    name="jpeg2000",
    title="JPEG 2000",
    endings=(".jp2", ".j2k", ".j2c", ".jph"),
    media_type="image/jp2",
    dimensions=(2,),
    recognises=lambda start: start.starts_with(JP2, CODESTREAM),
    open=_open,
    verify=_verify,
    deidentify=only_part(_deidentify),
)
