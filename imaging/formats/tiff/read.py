"""Opens and verifies TIFF images and stacks (Adobe TIFF 6.0 and BigTIFF)."""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.formats.limits import Limits
from imaging.formats.raster import (
    ORIENTATION_IGNORED,
    Layout,
    damaged,
    decoder_errors,
    scan_of,
)
from imaging.formats.scan_part import ScanPart
from imaging.formats.tiff.extent import check_extent
from imaging.formats.tiff.part import TiffPart, tiff_parts
from imaging.formats.tiff.photometric import Interpretation, interpretation
from imaging.formats.tiff.regions import Region, open_alone, prepare, region_reader, segments
from imaging.formats.tiff.volume import volume_of
from imaging.scan import Scan

_PARTIAL = (
    "The file is one of several OME-TIFF files of an image; only the planes in this file are read."
)
_COLOURS = 4
"""Most samples of a pixel that are one colour: CMYK, or RGB and alpha."""
SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_tiff(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The image or volume at `path`, of any size: a read decodes only the tiles it needs. Reads
    tags only.

    Of a whole-slide image, this is the image in full resolution; smaller copies, labels and
    photographs of the slide are not read. `scratch`: a folder where compressed pages without
    tiles are unpacked at the first read. Raises UnreadableScan where strips or tiles lie beyond the
    end of the file, UnsupportedScan where the file has several images or its pixels are neither
    grey nor colours.
    """
    return scan_of_part(path, _only_part(path, limits), limits, scratch)


def verify_tiff(path: Path, limits: Limits) -> Scan:
    """As open_tiff, and decodes every strip or tile of the image, one at a time."""
    part = _only_part(path, limits)
    scan = scan_of_part(path, part, limits, None)
    with decoder_errors():
        for page in part.series.pages:
            for _ in segments(path, part.series.keyframe, page):
                pass
    return scan


def list_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The scans of the file at `path`; reads tags only."""
    parts = prepared_parts(path, limits)
    return [
        ScanPart(
            number, part.title or "image 1 of 1", part.grid[::-1] if part.planes else part.grid
        )
        for number, part in enumerate(parts, 1)
    ]


def prepared_parts(path: Path, limits: Limits) -> list[TiffPart]:
    """The scans of the file at `path`, each checked, and ready to be read without the open file."""
    try:
        with decoder_errors(), open_alone(path) as tiff:
            parts = tiff_parts(tiff.file, tiff.ome)
            for part in parts:
                _prepare(part, limits, tiff.file.filehandle.size)
    except MemoryError as error:  # an offset in the tags of an NDPI, taken for a size
        raise damaged("The tags of the image are damaged.") from error
    return parts


def _prepare(part: TiffPart, limits: Limits, file_size: int) -> None:
    page = part.series.keyframe
    interpretation(page, part.channel)
    if part.series.pages and not page.is_memmappable:
        limits.check_chunk(prod(_segment_shape(page)) * _grey_images(page))
    check_extent(part.series, file_size)
    prepare(page)


def scan_of_part(path: Path, part: TiffPart, limits: Limits, scratch: Path | None) -> Scan:
    """One scan of the file at `path`."""
    with decoder_errors():
        meaning = interpretation(part.series.keyframe, part.channel)
        layout = _layout(part, meaning)
        region = region_reader(path, part.series, scratch)
    pixels = Pixels(layout, meaning, region)
    if part.planes is None:
        limits.check_bytes(layout.size)
        return scan_of(layout, pixels, part.size.image)
    limits.check_volume(prod(part.grid), layout.size * part.planes)
    return volume_of(layout, part.planes, pixels.volume, part.size)


def _only_part(path: Path, limits: Limits) -> TiffPart:
    parts = prepared_parts(path, limits)
    if len(parts) > 1:
        raise UnsupportedScan(
            f"The file holds {len(parts)} images or volumes, such as {parts[0].title}.",
            expected="One image or volume, or the choice of one.",
            hint="Choose one by `volume`, or save one as a file of its own.",
        )
    return parts[0]


def _layout(part: TiffPart, meaning: Interpretation) -> Layout:
    page = part.series.keyframe
    warnings = (*meaning.warnings, *part.size.warnings, *part.series.warnings)
    if part.series.partial:
        warnings = (*warnings, _PARTIAL)
    if page.tags.valueof("Orientation", 1) != 1:
        warnings = (*warnings, ORIENTATION_IGNORED)
    return Layout(
        format="tiff",
        rows=page.imagelength,
        columns=page.imagewidth,
        components=meaning.components,
        dtype=meaning.dtype,
        warnings=warnings,
    )


def _segment_shape(page: tifffile.TiffPage) -> tuple[int, int]:
    """Rows and columns of a strip or tile, which is decoded as a whole."""
    if page.is_tiled:
        return max(1, page.tilelength), max(1, page.tilewidth)
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _grey_images(page: tifffile.TiffPage) -> int:
    """How many images a strip or tile counts as: each of many channels needs the same memory."""
    separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
    return page.samplesperpixel if page.samplesperpixel > _COLOURS and not separate else 1


class Pixels:
    """The reader: box -> (c, row, column), grey or RGB."""

    def __init__(self, layout: Layout, meaning: Interpretation, region: Region) -> None:
        self._layout, self._meaning, self._region = layout, meaning, region

    def __call__(self, box: Box) -> NDArray[Any]:
        return self._plane(0, box)

    def volume(self, box: Box) -> NDArray[Any]:
        """(c, plane, row, column) of a box of planes, rows and columns."""
        inner = Box(box.start[1:], box.stop[1:])
        out = np.empty((self._layout.components, *box.shape), self._layout.dtype)
        for n, plane in enumerate(range(box.start[0], box.stop[0])):
            out[:, n] = self._plane(plane, inner)
        return out

    def _plane(self, number: int, box: Box) -> NDArray[Any]:
        with decoder_errors():
            pixels = self._meaning.convert(self._region(number, box))
        if pixels.shape != (*box.shape, self._layout.components):
            raise damaged("The image's pixels are not what its header promises.")
        if pixels.dtype != self._layout.dtype:
            raise damaged("The image's pixels are not of the type that its header promises.")
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
