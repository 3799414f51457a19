"""Reads a TIFF's pixels by region: mapped, tile by tile, or from strips that are unpacked once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import product
from math import prod
from os import fstat
from pathlib import Path
from typing import IO, Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.tiff.codestream_size import check_codestream
from imaging.formats.tiff.contents import ImageSeries
from imaging.formats.tiff.jpeg_tile import jpeg_tile
from imaging.formats.tiff.ome_xml import OmeXml, ome_xml
from imaging.formats.tiff.stated_planes import check_stated_planes
from imaging.formats.tiff.structure import check_structure
from imaging.formats.tiff.ycbcr import APERIO_YCBCR
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy

CACHE_BYTES = 1 << 27
"""Memory for decoded tiles, which the next region often needs again."""
_SEPARATE = 2
"""The planar configuration with one plane per component."""


Region = Callable[[int, Box], NDArray[Any]]
"""Number of the page, rows and columns -> (row, column, sample) as stored, before any
interpretation."""
Page = tifffile.TiffPage | tifffile.TiffFrame


@dataclass(frozen=True, slots=True, eq=False)
class OpenTiff:
    """A TIFF whose directories and descriptions are checked."""

    file: tifffile.TiffFile
    ome: OmeXml


@contextmanager
def open_alone(path: Path) -> Iterator[OpenTiff]:
    """The one file at `path`, opened without any file that it refers to.

    OME-XML names other files of the same image by arbitrary paths, and Micro-Manager files in its
    own folder. None of them was uploaded, so none is opened. An NDPI is recognised by its tags:
    uploads have no names. Raises UnreadableScan where the directories of tags are damaged.
    """
    structure = check_structure(path)
    flags: dict[str, Any] = {"is_ndpi": True} if structure.ndpi else {}
    with tifffile.TiffFile(path, _multifile=False, **flags) as file:
        file.is_mmstack = file.is_ndtiff = False
        ome, description = ome_xml(file), file.pages.first.description
        check_stated_planes(ome, description, structure.directories, file.filehandle.size)
        yield OpenTiff(file, ome)


def prepare(page: tifffile.TiffPage) -> None:
    """Loads what decoding needs and what is stored outside the tags, while the file is open."""
    if page.compression == APERIO_YCBCR:
        page.subsampling = (1, 1)  # its codec, not TIFF, knows of any subsampling
    page.decode  # noqa: B018 - created at the first use, from the open file
    page.is_memmappable  # noqa: B018 - asks whether the file is one


def region_reader(path: Path, series: ImageSeries, scratch: Path | None) -> Region:
    """The function that reads regions of the pages of a series, which were prepared."""
    page = series.keyframe
    if series.offsets:
        return _mapped(path, page, series.offsets)
    if all(one.is_memmappable for one in series.pages):
        return _mapped(path, page, [one.dataoffsets[0] for one in series.pages])
    if page.is_tiled:
        return _Tiles(path, page, series.pages)
    unpacked = lazy(partial(_unpacked, path, page, series.pages, scratch))
    return lambda number, box: unpacked()[number][box.slices]


def _mapped(path: Path, page: tifffile.TiffPage, offsets: Sequence[int]) -> Region:
    """Reads uncompressed pages, which begin at `offsets`, through memory maps."""
    dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    shape = _planes_shape(page)

    @lru_cache(8)
    def stored(offset: int) -> NDArray[Any]:
        return np.memmap(path, dtype, "r", offset, shape)

    def read(number: int, box: Box) -> NDArray[Any]:
        planes = stored(offsets[number])[(slice(None), *box.slices)]
        shape = (*box.shape, page.samplesperpixel)
        return np.asarray(np.moveaxis(planes, 0, -1).reshape(shape))

    return read


def _planes_shape(page: tifffile.TiffPage) -> tuple[int, ...]:
    """(plane, row, column[, sample])."""
    separate = page.planarconfig == _SEPARATE
    planes = page.samplesperpixel if separate else 1
    rest = () if separate else (page.samplesperpixel,)
    return (planes, page.imagelength, page.imagewidth, *rest)


class _Tiles:
    """Decodes the tiles that a region touches, and keeps the last ones."""

    def __init__(self, path: Path, page: tifffile.TiffPage, pages: tuple[Page, ...]) -> None:
        self._page = page
        self._edge = (page.tilelength, page.tilewidth)
        size = prod(self._edge) * page.samplesperpixel * np.dtype(page.dtype).itemsize
        # a partial of plain values: a bound method would keep this object, and all tiles, alive
        self._tile = lru_cache(max(1, CACHE_BYTES // size))(partial(_tile, path, page, pages))

    def __call__(self, number: int, box: Box) -> NDArray[Any]:
        page = self._page
        # planar in memory, as scans are, so that no copy of the region is needed
        out = np.moveaxis(np.empty((page.samplesperpixel, *box.shape), page.dtype), 0, -1)
        planes = page.samplesperpixel if page.planarconfig == _SEPARATE else 1
        touched = (
            range(a // edge, -(-b // edge))
            for a, b, edge in zip(box.start, box.stop, self._edge, strict=True)
        )
        for row, column, plane in product(*touched, range(planes)):
            start = (row * self._edge[0], column * self._edge[1])
            tile = self._tile(number, plane, row, column)
            target, source = _overlap(box, start, tile.shape[:2])
            samples = slice(plane, plane + tile.shape[2])
            out[(*target, samples)] = tile[source]
        return out


def _tile(
    path: Path, page: tifffile.TiffPage, pages: tuple[Page, ...], number: int, plane: int, row: int,
    column: int,
) -> NDArray[Any]:  # fmt: skip
    """One tile, (row, column, sample), cropped at the edge."""
    down, across = -(-page.imagelength // page.tilelength), -(-page.imagewidth // page.tilewidth)
    index = (plane * down + row) * across + column
    with path.open("rb") as file:
        return _decoded(file, page, pages[number], index)[0]


def _decoded(
    file: IO[bytes], keyframe: tifffile.TiffPage, page: Page, index: int
) -> tuple[NDArray[Any], tuple[int, ...]]:
    """A strip or tile, (row, column, sample), cropped at the edge, and its position: (plane, row,
    column, sample)."""
    data, rgb = _stored(file, page, index), None
    if data:
        check_codestream(keyframe, data)
        rgb = jpeg_tile(keyframe, page, data)
    tile, (plane, _, row, column, sample), shape = keyframe.decode(
        data if rgb is None else None, index,
        jpegtables=page.jpegtables, jpegheader=keyframe.jpegheader,
    )  # fmt: skip
    if rgb is not None:
        pixels: NDArray[Any] = rgb
    elif tile is None:  # a sparse file omits empty tiles
        pixels = np.full(shape[1:], keyframe.nodata, keyframe.dtype)
    else:
        pixels = np.asarray(tile[0])
    return pixels[: shape[1], : shape[2]], (plane, row, column, sample)


def _stored(file: IO[bytes], page: Page, index: int) -> bytes | None:
    offset, count = page.dataoffsets[index], page.databytecounts[index]
    if not count:
        return None
    file.seek(offset)
    left = max(0, fstat(file.fileno()).st_size - offset)
    return file.read(min(count, left)) or None  # a count beyond the end must not be allocated


def segments(
    path: Path, keyframe: tifffile.TiffPage, page: Page
) -> Iterator[tuple[NDArray[Any], tuple[int, ...]]]:
    """All strips or tiles of a page, decoded one after the other; see `_decoded`."""
    with path.open("rb") as file:
        for index in range(len(page.dataoffsets)):
            yield _decoded(file, keyframe, page, index)


def _unpacked(
    path: Path, keyframe: tifffile.TiffPage, pages: tuple[Page, ...], scratch: Path | None
) -> NDArray[Any]:
    """(page, row, column, sample) of all pages: a strip is as wide as the image."""
    shape = (len(pages), keyframe.imagelength, keyframe.imagewidth, keyframe.samplesperpixel)
    out = large_zeros(shape, np.dtype(keyframe.dtype), scratch)
    for number, page in enumerate(pages):
        for strip, (plane, row, column, sample) in segments(path, keyframe, page):
            down, across, samples = strip.shape
            first = plane + sample
            target = (slice(row, row + down), slice(column, column + across))
            out[(number, *target, slice(first, first + samples))] = strip
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
