"""A whole slide image (PS3.3, A.32.8) as a scan that is read by region."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.utils import pixel_array

from imaging.box import Box
from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.codestream import check_frame, states_size
from imaging.formats.dicom.frame_bytes import FrameBytes
from imaging.formats.dicom.frame_plane import lengths_of
from imaging.formats.dicom.functional_groups import attribute
from imaging.formats.dicom.instance import Instance
from imaging.formats.dicom.slide_tiles import SlideTiles
from imaging.formats.dicom.stored_plane import decoding
from imaging.formats.limits import Limits
from imaging.lazy import lazy
from imaging.scan import Scan

CACHE_BYTES = 1 << 27
"""Memory for decoded tiles, which the next region often needs again."""
_DESCRIPTION = (
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)

decoders.register()


def slide_scan(instance: Instance, source: Any, limits: Limits) -> Scan:
    """The slide as an image; decodes no tile before a read.

    Raises UnsupportedScan, UnreadableScan, ScanTooLarge.
    """
    header = instance.header
    try:
        tiles = SlideTiles.of(instance)
        components, dtype = _pixel_type(header)
    except TesseraError:
        raise
    except Exception as error:  # values are decoded when they are accessed
        raise UnreadableScan(
            "An attribute that describes the slide is missing or not a number.",
            expected="Total Pixel Matrix Rows and Columns, and a position for each tile (PS3.3, "
            "C.8.12.4 and C.8.12.6.1).",
            hint="Export the slide again.",
        ) from error
    limits.check_chunk(tiles.tile[0] * tiles.tile[1])
    limits.check_bytes(tiles.rows * tiles.columns * components * dtype.itemsize)
    return Scan(
        shape=(components, tiles.rows, tiles.columns),
        dtype=dtype,
        affine=np.eye(4),
        spacing_mm=lengths_of(attribute(header, 0, "PixelSpacing")),
        format="dicom",
        reader=_Reader(instance, tiles, components, dtype),
        stored_shape=(tiles.rows, tiles.columns),
        source=source,
    )


def _pixel_type(header: Dataset) -> tuple[int, np.dtype[Any]]:
    """Components and type of a pixel; raises UnsupportedScan."""
    kind = str(header.PhotometricInterpretation)
    if kind in ("MONOCHROME1", "PALETTE COLOR") or header.file_meta.TransferSyntaxUID.is_deflated:
        raise UnsupportedScan(
            "The slide is inverted grey (MONOCHROME1), has a palette, or is deflated.",
            expected="MONOCHROME2 or colours, in a transfer syntax whose frames can be read one by "
            "one.",
            hint="Export the slide in colour, in JPEG or uncompressed.",
        )
    components, bits = int(header.SamplesPerPixel), int(header.BitsAllocated)
    signed = int(header.get("PixelRepresentation") or 0)
    if components not in (1, 3) or bits not in (8, 16) or signed:
        raise UnsupportedScan(
            f"A pixel of the slide has {components} samples of {bits} bits"
            f"{', signed' if signed else ''}.",
            expected="Grey or colour of 8 or 16 bits, unsigned (PS3.3, C.8.12.4).",
            hint="Export the slide in colour with 8 bits.",
        )
    return components, np.dtype(np.uint8 if bits == 8 else np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class _Tiles:
    """Decodes single tiles."""

    header: Dataset
    frames: Callable[[], FrameBytes]

    def __call__(self, number: int) -> NDArray[Any]:
        """(row, column, component), grey or RGB."""
        header, syntax = self.header, self.header.file_meta.TransferSyntaxUID
        data = self.frames().read(number)
        with decoding():
            tile = Dataset()
            tile.file_meta = header.file_meta
            for keyword in _DESCRIPTION:
                if keyword in header:
                    tile[keyword] = header[keyword]
            stated = (int(header.Rows), int(header.Columns), int(header.SamplesPerPixel))
            if states_size(syntax):
                check_frame(data, syntax, stated)
            tile.PixelData = encapsulate([data]) if syntax.is_encapsulated else data
            tile["PixelData"].VR = "OB" if int(header.BitsAllocated) == 8 else "OW"
            pixels = pixel_array(tile, decoding_plugin=_plugin(syntax))
            return np.ascontiguousarray(pixels.reshape(stated))


def _plugin(syntax: str) -> str:
    return decoders.PLUGIN if decoders.is_available(syntax) else ""


class _Reader:
    """Box -> (c, row, column); keeps the tiles that were decoded last."""

    def __init__(
        self, instance: Instance, tiles: SlideTiles, components: int, dtype: np.dtype[Any]
    ) -> None:
        self._tiles, self._components, self._dtype = tiles, components, dtype
        size = tiles.tile[0] * tiles.tile[1] * components * dtype.itemsize
        frames = lazy(lambda: FrameBytes.of(instance))
        self._decoded = lru_cache(max(1, CACHE_BYTES // size))(_Tiles(instance.header, frames))

    def __call__(self, box: Box) -> NDArray[Any]:
        blank = 0 if self._components == 1 else np.iinfo(self._dtype).max  # slides are bright
        out = np.full((*box.shape, self._components), blank, self._dtype)
        touched = (
            range(a // edge, -(-b // edge))
            for a, b, edge in zip(box.start, box.stop, self._tiles.tile, strict=True)
        )
        for down, across in product(*touched):
            number = self._tiles.frame_at(down, across)
            if number is not None:
                self._put(out, box, (down, across), self._decoded(number))
        return np.moveaxis(out, -1, 0)

    def _put(self, out: NDArray[Any], box: Box, place: tuple[int, int], tile: NDArray[Any]) -> None:
        target, source = [], []
        for n, edge, first, last in zip(place, self._tiles.tile, box.start, box.stop, strict=True):
            a, b = max(first, n * edge), min(last, (n + 1) * edge)
            target.append(slice(a - first, b - first))
            source.append(slice(a - n * edge, b - n * edge))
        out[tuple(target)] = tile[tuple(source)]
