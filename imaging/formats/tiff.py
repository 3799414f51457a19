"""Reads TIFF pictures (Adobe TIFF 6.0 and BigTIFF), and proves them whole."""

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
from imaging.formats.picture import (
    ALPHA_IGNORED,
    TURNED,
    Layout,
    damaged,
    foreign_decoder,
    scan_of,
    unsupported,
)
from imaging.formats.tiff_pixels import alone, region
from imaging.lazy import lazy
from imaging.scan import Scan

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SERVED = ("bool", "uint8", "uint16", "uint32", "int16", "float32")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
MICROMETRE = "\u00b5m"
_MM = {MICROMETRE: 1e-3, "nm": 1e-6, "mm": 1.0, "cm": 10.0, "m": 1000.0}
_COMPONENTS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}


def open_tiff(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The picture at `path`, of any size: only what a region needs is decoded. Reads the tags only.

    `scratch`: a folder where a packed picture without tiles is unpacked when it is first read.
    Raises UnreadableScan where strips or tiles lie beyond the end of the file, UnsupportedScan
    where there are several pages, or more to a pixel than grey or RGB with alpha.
    """
    with foreign_decoder(), alone(path) as file:
        page = _only_page(file)
        layout = _layout(page)
        limits.check_bytes(layout.size)
        if not page.is_memmappable:
            limits.check_piece(prod(_segment(page)))
        _check_extent(page, file.filehandle.size)
    return scan_of(layout, Pixels(path, layout, scratch), _spacing_mm(file))


def verify_tiff(path: Path, limits: Limits) -> Scan:
    """As open_tiff, and decodes every strip or tile, holding a few at a time."""
    scan = open_tiff(path, limits)
    with foreign_decoder(), alone(path) as file:
        for _ in _only_page(file).segments(maxworkers=1):
            pass
    return scan


def _only_page(file: tifffile.TiffFile) -> tifffile.TiffPage:
    if len(file.series) != 1 or len(file.pages) != 1 or len(file.series[0].keyframe.shape) > 3:
        raise unsupported("The file holds several pictures.")
    page = file.pages[0]
    if not isinstance(page, tifffile.TiffPage) or file.series[0].shape != page.shape:
        raise unsupported("The file holds a stack of pictures.")
    return page


def _layout(page: tifffile.TiffPage) -> Layout:
    photometric, samples = int(page.photometric), page.samplesperpixel
    dtype = np.dtype(np.uint8) if page.dtype is None else page.dtype
    components = _COMPONENTS.get(photometric, 0)
    if not components or samples not in (components, components + 1) or page.imagedepth > 1:
        raise unsupported("The picture is neither grey nor RGB.")
    if dtype.name not in _SERVED or (photometric == _PALETTE and dtype != np.uint8):
        raise unsupported(f"The pixels are of the kind {dtype.name}.")
    warnings = (ALPHA_IGNORED,) if samples > components else ()
    orientation = page.tags.get("Orientation")
    if orientation is not None and orientation.value != 1:
        warnings = (*warnings, TURNED)
    return Layout(
        format="tiff",
        rows=page.imagelength,
        columns=page.imagewidth,
        components=3 if photometric == _PALETTE else components,
        dtype=np.dtype(np.uint8) if dtype == np.bool_ else dtype.newbyteorder("="),
        warnings=warnings,
    )


def _segment(page: tifffile.TiffPage) -> tuple[int, int]:
    """Rows and columns of what is decoded at once."""
    if page.is_tiled:
        return max(1, page.tilelength), max(1, page.tilewidth)
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _spacing_mm(file: tifffile.TiffFile) -> tuple[float, float] | None:
    """(row, column) of an OME-TIFF that tells it (OME-XML 2016-06, Pixels)."""
    with contextlib.suppress(Exception):  # what an OME-XML lacks or mistakes is as if not told
        pixels = tifffile.xml2dict(file.ome_metadata or "")["OME"]["Image"]["Pixels"]
        found = tuple(
            float(pixels[f"PhysicalSize{axis}"])
            * _MM[pixels.get(f"PhysicalSize{axis}Unit", MICROMETRE)]
            for axis in "YX"
        )
        if all(0 < mm < math.inf for mm in found):
            return found[0], found[1]
    return None


def _check_extent(page: tifffile.TiffPage, size: int) -> None:
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    stored = sum(count for _, count in spans)
    if len(spans) < prod(page.chunked) or any(offset + count > size for offset, count in spans):
        raise damaged("The picture is cut off.")
    if page.compression == 1 and stored < page.nbytes and page.bitspersample >= 8:
        raise damaged("The picture holds fewer pixels than its header promises.")


class Pixels:
    """Box -> (c, row, column), grey or RGB; the file is opened at the first read."""

    def __init__(self, path: Path, layout: Layout, scratch: Path | None) -> None:
        self._layout = layout
        self._opened = lazy(partial(region, path, scratch))

    def __call__(self, box: Box) -> NDArray[Any]:
        with foreign_decoder():
            read, page = self._opened()
            pixels = _resolved(read(box), page)
        if pixels.shape != (*box.shape, self._layout.components):
            raise damaged("The picture's pixels are not what its header promises.")
        if pixels.dtype != self._layout.dtype:
            raise damaged("The picture's pixels are not of the kind that its header promises.")
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 0))


def _resolved(pixels: NDArray[Any], page: tifffile.TiffPage) -> NDArray[Any]:
    """Grey or RGB, (row, column, c), as the photometric interpretation asks."""
    photometric = int(page.photometric)
    pixels = pixels[..., : _COMPONENTS[photometric]]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if photometric == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
        return np.iinfo(pixels.dtype).max - pixels
    if photometric == _PALETTE and page.colormap is not None:
        return np.moveaxis((page.colormap >> 8).astype(np.uint8), 0, -1)[pixels[..., 0]]
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
