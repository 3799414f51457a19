"""Reads a TIFF's pixels by region: mapped, tile by tile, or from strips that are unpacked once."""

from collections.abc import Callable
from functools import lru_cache, partial
from itertools import product
from math import prod
from pathlib import Path
from typing import Any, cast

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy

CACHE_BYTES = 1 << 27
"""Memory for decoded tiles, which the next region often needs again."""
_SEPARATE = 2
"""The planar configuration with one plane per component."""


Region = Callable[[Box], NDArray[Any]]
"""Rows and columns -> (row, column, sample) as stored, before any interpretation."""


def open_alone(path: Path) -> tifffile.TiffFile:
    """The one file at `path`, opened without any file that it refers to.

    OME-XML names other files of the same image by arbitrary paths, and Micro-Manager files in its
    own folder. None of them was uploaded, so none is opened.
    """
    file = tifffile.TiffFile(path, _multifile=False)
    file.is_mmstack = file.is_ndtiff = False
    return file


def region_reader(path: Path, scratch: Path | None) -> tuple[Region, tifffile.TiffPage]:
    """The function that reads regions of the image at `path`, and its only page."""
    with open_alone(path) as file:
        page = first(file)
        page.colormap  # noqa: B018 - read while the file is open, like all data outside the tags
        if page.is_memmappable:
            return _mapped(path, file), page
        if page.is_tiled:
            return _Tiles(path, page), page
    pixels = lazy(partial(_unpacked, path, scratch))
    return (lambda box: pixels()[box.slices]), page


def first(file: tifffile.TiffFile) -> tifffile.TiffPage:
    """The first page; every file that is opened has one."""
    return cast("tifffile.TiffPage", file.pages[0])


def _mapped(path: Path, file: tifffile.TiffFile) -> Region:
    """Reads uncompressed, contiguous pixels through a memory map."""
    page = first(file)
    dtype = np.dtype(page.dtype).newbyteorder(file.byteorder)
    stored = np.memmap(path, dtype, "r", page.dataoffsets[0], _planes_shape(page))

    def read(box: Box) -> NDArray[Any]:
        return np.moveaxis(stored[(slice(None), *box.slices)], 0, -1).reshape(
            *box.shape, page.samplesperpixel
        )

    return read


def _planes_shape(page: tifffile.TiffPage) -> tuple[int, ...]:
    """(plane, row, column[, sample])."""
    separate = page.planarconfig == _SEPARATE
    planes = page.samplesperpixel if separate else 1
    rest = () if separate else (page.samplesperpixel,)
    return (planes, page.imagelength, page.imagewidth, *rest)


class _Tiles:
    """Decodes the tiles that a region touches, and keeps the last ones."""

    def __init__(self, path: Path, page: tifffile.TiffPage) -> None:
        self._page = page
        self._edge = (page.tilelength, page.tilewidth)
        spans = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        page.decode  # noqa: B018 - created while the file is open
        size = prod(self._edge) * page.samplesperpixel * np.dtype(page.dtype).itemsize
        # a partial of plain values: a bound method would keep this object, and all tiles, alive
        self._tile = lru_cache(max(1, CACHE_BYTES // size))(partial(_decoded, path, page, spans))

    def __call__(self, box: Box) -> NDArray[Any]:
        page = self._page
        out = np.empty((*box.shape, page.samplesperpixel), page.dtype)
        planes = page.samplesperpixel if page.planarconfig == _SEPARATE else 1
        touched = (
            range(a // edge, -(-b // edge))
            for a, b, edge in zip(box.start, box.stop, self._edge, strict=True)
        )
        for row, column, plane in product(*touched, range(planes)):
            start = (row * self._edge[0], column * self._edge[1])
            tile = self._tile(plane, row, column)
            target, source = _overlap(box, start, tile.shape[:2])
            samples = slice(plane, plane + tile.shape[2])
            out[(*target, samples)] = tile[source]
        return out


def _decoded(
    path: Path, page: tifffile.TiffPage, spans: list[tuple[int, int]], plane: int, row: int,
    column: int,
) -> NDArray[Any]:  # fmt: skip
    """One tile, (row, column, sample), cropped at the edge; `spans`: offset and size of each."""
    down, across = -(-page.imagelength // page.tilelength), -(-page.imagewidth // page.tilewidth)
    index = (plane * down + row) * across + column
    offset, count = spans[index]
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(count) or None
    tile, _, shape = page.decode(
        data, index, jpegtables=page.jpegtables, jpegheader=page.jpegheader
    )
    if tile is None:  # a sparse file omits empty tiles
        return np.full(shape[1:], page.nodata, page.dtype)
    return np.asarray(tile[0, : shape[1], : shape[2]])


def _unpacked(path: Path, scratch: Path | None) -> NDArray[Any]:
    """(row, column, sample) of the whole image: a strip is as wide as the image."""
    with open_alone(path) as file:
        page = first(file)
        shape = (page.imagelength, page.imagewidth, page.samplesperpixel)
        out = large_zeros(shape, np.dtype(page.dtype), scratch)
        for strip, position, (_, down, across, samples) in page.segments(maxworkers=1):
            plane, _, row, column, sample = position
            first_sample = plane + sample
            target = (slice(row, row + down), slice(column, column + across))
            out[(*target, slice(first_sample, first_sample + samples))] = (
                page.nodata if strip is None else strip[0, :down, :across]
            )
    return out


def _overlap(
    box: Box, start: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The overlap of a tile with the box: as slices of the box, and as slices of the tile."""
    target, source = [], []
    for a, b, begin, n in zip(box.start, box.stop, start, shape, strict=True):
        low, high = max(a, begin), min(b, begin + n)
        target.append(slice(low - a, high - a))
        source.append(slice(low - begin, high - begin))
    return tuple(target), tuple(source)
