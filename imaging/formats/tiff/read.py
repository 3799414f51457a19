"""Opens and verifies TIFF images (Adobe TIFF 6.0 and BigTIFF)."""

import contextlib
import math
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.limits import Limits
from imaging.formats.raster import (
    ALPHA_IGNORED,
    ORIENTATION_IGNORED,
    Layout,
    damaged,
    decoder_errors,
    scan_of,
    unsupported,
)
from imaging.formats.tiff.regions import open_alone, region_reader
from imaging.lazy import lazy
from imaging.scan import Scan

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SUPPORTED = ("bool", "uint8", "uint16", "uint32", "int16", "float32")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
MICROMETRE = "\u00b5m"
_MM = {MICROMETRE: 1e-3, "nm": 1e-6, "mm": 1.0, "cm": 10.0, "m": 1000.0}
_COMPONENTS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}


def open_tiff(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The image at `path`, of any size: a read decodes only the tiles it needs. Reads tags only.

    `scratch`: a folder where a compressed image without tiles is unpacked at the first read. Raises
    UnreadableScan where strips or tiles lie beyond the end of the file, UnsupportedScan where the
    file has several pages or its pixels are neither grey nor RGB, with or without alpha.
    """
    with decoder_errors(), open_alone(path) as file:
        page = _only_page(file)
        layout = _layout(page)
        limits.check_bytes(layout.size)
        if not page.is_memmappable:
            limits.check_chunk(prod(_segment_shape(page)))
        _check_extent(page, file.filehandle.size)
    return scan_of(layout, Pixels(path, layout, scratch), _spacing_mm(file))


def verify_tiff(path: Path, limits: Limits) -> Scan:
    """As open_tiff, and decodes every strip or tile; holds a few at a time."""
    scan = open_tiff(path, limits)
    with decoder_errors(), open_alone(path) as file:
        for _ in _only_page(file).segments(maxworkers=1):
            pass
    return scan


def _only_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    if len(file.series) != 1 or len(file.pages) != 1 or len(file.series[0].keyframe.shape) > 3:
        raise unsupported("The file holds several images.")
    page = file.pages[0]
    if not isinstance(page, tifffile.TiffPage) or file.series[0].shape != page.shape:
        raise unsupported("The file holds a stack of images.")
    return page


def _layout(page: tifffile.TiffPage) -> Layout:
    photometric, samples = int(page.photometric), page.samplesperpixel
    dtype = np.dtype(np.uint8) if page.dtype is None else page.dtype
    components = _COMPONENTS.get(photometric, 0)
    if not components or samples not in (components, components + 1) or page.imagedepth > 1:
        raise unsupported("The image is neither grey nor RGB.")
    if dtype.name not in _SUPPORTED or (photometric == _PALETTE and dtype != np.uint8):
        raise unsupported(f"The pixel type {dtype.name} is not supported.")
    warnings = (ALPHA_IGNORED,) if samples > components else ()
    orientation = page.tags.get("Orientation")
    if orientation is not None and orientation.value != 1:
        warnings = (*warnings, ORIENTATION_IGNORED)
    return Layout(
        format="tiff",
        rows=page.imagelength,
        columns=page.imagewidth,
        components=3 if photometric == _PALETTE else components,
        dtype=np.dtype(np.uint8) if dtype == np.bool_ else dtype.newbyteorder("="),
        warnings=warnings,
    )


def _segment_shape(page: tifffile.TiffPage) -> tuple[int, int]:
    """Rows and columns of a strip or tile, which is decoded as a whole."""
    if page.is_tiled:
        return max(1, page.tilelength), max(1, page.tilewidth)
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _spacing_mm(file: tifffile.TiffFile) -> tuple[float, float] | None:
    """(row, column) of an OME-TIFF that states it (OME-XML 2016-06, Pixels)."""
    with contextlib.suppress(Exception):  # an incomplete OME-XML states no spacing
        pixels = tifffile.xml2dict(file.ome_metadata or "")["OME"]["Image"]["Pixels"]
        spacing = tuple(
            float(pixels[f"PhysicalSize{axis}"])
            * _MM[pixels.get(f"PhysicalSize{axis}Unit", MICROMETRE)]
            for axis in "YX"
        )
        if all(0 < mm < math.inf for mm in spacing):
            return spacing[0], spacing[1]
    return None


def _check_extent(page: tifffile.TiffPage, size: int) -> None:
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    stored = sum(count for _, count in spans)
    if len(spans) < prod(page.chunked) or any(offset + count > size for offset, count in spans):
        raise damaged("The image is cut off.")
    if page.compression == 1 and stored < page.nbytes and page.bitspersample >= 8:
        raise damaged("The image holds fewer pixels than its header promises.")


class Pixels:
    """The reader: box -> (c, row, column), grey or RGB; opens the file at the first read."""

    def __init__(self, path: Path, layout: Layout, scratch: Path | None) -> None:
        self._layout = layout
        self._opened = lazy(partial(region_reader, path, scratch))

    def __call__(self, box: Box) -> NDArray[Any]:
        with decoder_errors():
            read, page = self._opened()
            pixels = _interpreted(read(box), page)
        if pixels.shape != (*box.shape, self._layout.components):
            raise damaged("The image's pixels are not what its header promises.")
        if pixels.dtype != self._layout.dtype:
            raise damaged("The image's pixels are not of the type that its header promises.")
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def _interpreted(pixels: NDArray[Any], page: tifffile.TiffPage) -> NDArray[Any]:
    """Grey or RGB, (row, column, c), according to the photometric interpretation."""
    photometric = int(page.photometric)
    pixels = pixels[..., : _COMPONENTS[photometric]]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if photometric == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
        return np.iinfo(pixels.dtype).max - pixels
    if photometric == _PALETTE and page.colormap is not None:
        return np.moveaxis((page.colormap >> 8).astype(np.uint8), 0, -1)[pixels[..., 0]]
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
