"""What PNG, JPEG and TIFF have in common; the first two are decoded once, then read by region.

A mask always has the array shape of the stored pixels. An EXIF or TIFF orientation is therefore
told of in the scan's warnings and never applied: turning pixels would part mask and file.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.box import Box
from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.limits import Limits
from imaging.lazy import lazy
from imaging.scan import Reader, Scan

Decode = Callable[[], NDArray[Any]]
ALPHA_IGNORED = "The picture's transparency is ignored."
TURNED = "The picture asks to be shown turned; the mask lies on its pixels as they are stored."

# Sizes are checked against Limits from the header; Pillow's own process-wide bound would warn or
# raise first, and tell nothing of what to do.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Layout:
    """What a picture's header tells; `rows` and `columns` as stored, before any EXIF turn."""

    format: str
    rows: int
    columns: int
    components: int
    """Of the scan: 1 (grey) or 3 (RGB); alpha and palettes are resolved."""
    dtype: np.dtype[Any]
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all pixels."""
        return self.rows * self.columns * self.components * self.dtype.itemsize

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.rows, self.columns, self.components


class Pixels:
    """Box -> (c, row, column); decodes the whole picture at the first read and keeps it."""

    def __init__(self, layout: Layout, decode: Decode) -> None:
        self._layout = layout
        self._decode = decode
        self._planes = lazy(lambda: np.moveaxis(self._decoded(), -1, 0))

    def __call__(self, box: Box) -> NDArray[Any]:
        return np.ascontiguousarray(self._planes()[(slice(None), *box.slices)])

    def _decoded(self) -> NDArray[Any]:
        with foreign_decoder():
            pixels = self._decode()
        if pixels.ndim == 2:
            pixels = pixels[..., np.newaxis]
        if pixels.shape != self._layout.shape or pixels.dtype != self._layout.dtype:
            raise damaged("The picture's pixels are not what its header promises.")
        return pixels


def decoded_whole(layout: Layout, decode: Decode, limits: Limits) -> Scan:
    """A picture that must be held whole; raises ScanTooLarge from the header alone."""
    limits.check_picture(layout.rows, layout.columns, layout.size)
    return scan_of(layout, Pixels(layout, decode))


def scan_of(layout: Layout, reader: Reader, spacing_mm: tuple[float, float] | None = None) -> Scan:
    """The picture as a Scan."""
    if layout.rows < 1 or layout.columns < 1:
        raise damaged("The picture has no pixels.")
    return Scan(
        shape=(layout.components, layout.rows, layout.columns),
        dtype=layout.dtype,
        affine=np.eye(4),
        spacing_mm=spacing_mm,
        format=layout.format,
        reader=reader,
        stored_shape=(layout.rows, layout.columns),
        warnings=layout.warnings,
    )


@contextlib.contextmanager
def foreign_decoder() -> Iterator[None]:
    """Turns whatever a decoder raises on damaged bytes into UnreadableScan.

    Decoders tell of the same damage by OSError, SyntaxError, ValueError, RuntimeError, struct.error
    and others; none of their messages is passed on, for it may quote the file.
    """
    try:
        yield
    except (TesseraError, MemoryError):
        raise
    except Exception as error:
        raise damaged("The picture is cut off or damaged.") from error


def damaged(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="A whole PNG, JPEG or TIFF picture.",
        hint="Export or copy the picture again.",
    )


def unsupported(detail: str) -> UnsupportedScan:
    return UnsupportedScan(
        detail,
        expected="One still picture, grey or RGB, of 8 or 16 bits.",
        hint="Save it as an 8- or 16-bit grey or RGB PNG or TIFF and send that.",
    )
