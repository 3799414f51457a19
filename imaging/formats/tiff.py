"""Reads TIFF pictures (Adobe TIFF 6.0 and BigTIFF), and proves them whole."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

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
from imaging.scan import Scan

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_SERVED = ("bool", "uint8", "uint16", "int16", "float32")
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_COMPONENTS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _YCBCR: 3}


def open_tiff(path: Path, limits: Limits) -> Scan:
    """The picture at `path`; reads the tags only.

    Raises UnreadableScan where strips or tiles lie beyond the end of the file, UnsupportedScan
    where there are several pages, or more to a pixel than grey or RGB with alpha.
    """
    with foreign_decoder(), _alone(path) as file:
        page = _only_page(file)
        layout = _layout(page)
        scan = scan_of(layout, lambda: _decode(path), limits)
        limits.check_picture(max(1, page.tilelength), max(1, page.tilewidth), 0)
        _check_extent(page, file.filehandle.size)
    return scan


def verify_tiff(path: Path, limits: Limits) -> Scan:
    """As open_tiff, and decodes every strip or tile, holding a few at a time."""
    scan = open_tiff(path, limits)
    with foreign_decoder(), _alone(path) as file:
        for _ in _only_page(file).segments(maxworkers=1):
            pass
    return scan


def _alone(path: Path) -> tifffile.TiffFile:
    """The file by itself.

    OME-XML names other files of the same picture by any path, a FIFO's or a stranger's; so, in its
    folder, does Micro-Manager. None of them was sent, and none is opened.
    """
    file = tifffile.TiffFile(path, _multifile=False)
    file.is_mmstack = file.is_ndtiff = False
    return file


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


def _check_extent(page: tifffile.TiffPage, size: int) -> None:
    spans = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    stored = sum(count for _, count in spans)
    if not spans or any(offset + count > size for offset, count in spans):
        raise damaged("The picture is cut off.")
    if page.compression == 1 and stored < page.nbytes and page.bitspersample >= 8:
        raise damaged("The picture holds fewer pixels than its header promises.")


def _decode(path: Path) -> NDArray[Any]:
    with _alone(path) as file:
        page = _only_page(file)
        pixels = page.asarray(maxworkers=1)
        return _resolved(pixels, page)


def _resolved(pixels: NDArray[Any], page: tifffile.TiffPage) -> NDArray[Any]:
    """Grey or RGB, (row, column, c), as the photometric interpretation asks."""
    photometric = int(page.photometric)
    if pixels.ndim == 3 and page.axes.startswith("S"):  # planes, one after the other
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 2:
        pixels = pixels[..., np.newaxis]
    pixels = pixels[..., : _COMPONENTS[photometric]]
    if pixels.dtype == np.bool_:
        pixels = pixels.astype(np.uint8) * 255
    if photometric == _WHITE_IS_ZERO and pixels.dtype.kind == "u":
        return np.iinfo(pixels.dtype).max - pixels
    if photometric == _PALETTE and page.colormap is not None:
        return np.moveaxis((page.colormap >> 8).astype(np.uint8), 0, -1)[pixels[..., 0]]
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
