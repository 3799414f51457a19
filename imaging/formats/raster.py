"""What PNG, JPEG and TIFF images share; PNG and JPEG are decoded once, then read by region.

A mask always has the array shape of the stored pixels. An EXIF or TIFF orientation is therefore
never applied, since mask and file would no longer match. The scan has a warning instead.
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
ALPHA_IGNORED = "The image's transparency is ignored."
ORIENTATION_IGNORED = (
    "The file asks viewers to rotate the image; the mask matches the pixels as they are stored."
)

# Sizes are checked against Limits, from the header. Pillow's own process-wide limit would warn or
# raise first, without a hint what to do.
Image.MAX_IMAGE_PIXELS = None


@dataclass(frozen=True, slots=True)
class Layout:
    """What an image's header states; `rows` and `columns` are as stored, before any rotation."""

    format: str
    rows: int
    columns: int
    components: int
    """Components of the scan: 1 (grey) or 3 (RGB), with alpha and palette resolved."""
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
    """The reader: box -> (c, row, column); decodes and keeps the whole image at the first read."""

    def __init__(self, layout: Layout, decode: Decode) -> None:
        self._layout = layout
        self._decode = decode
        self._planes = lazy(lambda: np.moveaxis(self._decoded(), -1, 0))

    def __call__(self, box: Box) -> NDArray[Any]:
        return np.ascontiguousarray(self._planes()[(slice(None), *box.slices)])

    def _decoded(self) -> NDArray[Any]:
        with decoder_errors():
            pixels = self._decode()
        if pixels.ndim == 2:
            pixels = pixels[..., np.newaxis]
        if pixels.shape != self._layout.shape or pixels.dtype != self._layout.dtype:
            raise damaged("The image's pixels are not what its header promises.")
        return pixels


def decoded_as_a_whole(layout: Layout, decode: Decode, limits: Limits) -> Scan:
    """The scan of an image that is decoded as a whole; raises ScanTooLarge before it is decoded."""
    limits.check_image(layout.rows, layout.columns, layout.size)
    return scan_of(layout, Pixels(layout, decode))


def scan_of(layout: Layout, reader: Reader, spacing_mm: tuple[float, float] | None = None) -> Scan:
    """The image as a Scan; `spacing_mm`: (row, column). Raises UnreadableScan without pixels."""
    if layout.rows < 1 or layout.columns < 1:
        raise damaged("The image has no pixels.")
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
def decoder_errors() -> Iterator[None]:
    """Turns whatever a decoder raises for damaged bytes into UnreadableScan.

    Decoders report damage as OSError, SyntaxError, ValueError, RuntimeError, struct.error and
    others. Their messages may quote the file, so none of them is passed on.
    """
    try:
        yield
    except (TesseraError, MemoryError):
        raise
    except Exception as error:
        raise damaged("The image is cut off or damaged.") from error


def damaged(detail: str) -> UnreadableScan:
    """The error for an image that is damaged."""
    return UnreadableScan(
        detail,
        expected="A complete image file.",
        hint="Export or copy the image again.",
    )


def unsupported(detail: str) -> UnsupportedScan:
    """The error for a valid image of a kind that is not supported."""
    return UnsupportedScan(
        detail,
        expected="One still image, grey or RGB.",
        hint="Save it as an 8- or 16-bit grey or RGB PNG or TIFF, and send that.",
    )
