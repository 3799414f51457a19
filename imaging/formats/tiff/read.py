"""Opens and verifies TIFF images (Adobe TIFF 6.0 and BigTIFF)."""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.limits import Limits
from imaging.formats.raster import (
    ORIENTATION_IGNORED,
    Layout,
    damaged,
    decoder_errors,
    scan_of,
    unsupported,
)
from imaging.formats.tiff.contents import ImageSeries, image_series
from imaging.formats.tiff.extent import check_extent
from imaging.formats.tiff.photometric import Interpretation, channels, interpretation
from imaging.formats.tiff.pixel_size import PixelSize, pixel_size
from imaging.formats.tiff.regions import Region, open_alone, prepare, region_reader, segments
from imaging.scan import Scan

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def open_tiff(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The image at `path`, of any size: a read decodes only the tiles it needs. Reads tags only.

    Of a whole-slide image, this is the image in full resolution; smaller copies, labels and
    photographs of the slide are left aside. `scratch`: a folder where a compressed image without
    tiles is unpacked at the first read. Raises UnreadableScan where strips or tiles lie beyond the
    end of the file, UnsupportedScan where the file has several images or its pixels are neither
    grey nor colours.
    """
    return _opened(path, limits, scratch)[0]


def verify_tiff(path: Path, limits: Limits) -> Scan:
    """As open_tiff, and decodes every strip or tile of the image, one at a time."""
    scan, series = _opened(path, limits, None)
    with decoder_errors():
        for page in series.pages:
            for _ in segments(path, series.keyframe, page):
                pass
    return scan


def _opened(path: Path, limits: Limits, scratch: Path | None) -> tuple[Scan, ImageSeries]:
    with decoder_errors(), open_alone(path) as file:
        series = image_series(file)
        if series.axes:
            raise unsupported("The file holds a stack of images.")
        page = series.keyframe
        if channels(page) > 1:
            raise unsupported(f"The pixels of the image have {channels(page)} channels.")
        meaning = interpretation(page)
        size = pixel_size(file, series)
        layout = _layout(page, meaning, size)
        limits.check_bytes(layout.size)
        if not page.is_memmappable:
            limits.check_chunk(prod(_segment_shape(page)))
        check_extent(series, file.filehandle.size)
        prepare(page)
    region = region_reader(path, series, scratch)
    return scan_of(layout, Pixels(layout, meaning, region), size.image), series


def _layout(page: tifffile.TiffPage, meaning: Interpretation, size: PixelSize) -> Layout:
    warnings = (*meaning.warnings, *size.warnings)
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


class Pixels:
    """The reader: box -> (c, row, column), grey or RGB."""

    def __init__(self, layout: Layout, meaning: Interpretation, region: Region) -> None:
        self._layout, self._meaning, self._region = layout, meaning, region

    def __call__(self, box: Box) -> NDArray[Any]:
        with decoder_errors():
            pixels = self._meaning.convert(self._region(0, box))
        if pixels.shape != (*box.shape, self._layout.components):
            raise damaged("The image's pixels are not what its header promises.")
        if pixels.dtype != self._layout.dtype:
            raise damaged("The image's pixels are not of the type that its header promises.")
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))
