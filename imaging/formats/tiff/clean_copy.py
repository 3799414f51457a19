"""Writes scans of a TIFF as files of their own, which hold pixels and their size alone.

No text, date, label, photograph, thumbnail or private tag of the file reaches the copy. Tiles of
JPEG are copied as they are, without comments and application data; all other pixels are written
losslessly compressed.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import Box, boxes
from imaging.errors import UnsupportedScan
from imaging.formats.atomic import replacing
from imaging.formats.jpeg.metadata import without_metadata
from imaging.formats.limits import UNLIMITED
from imaging.formats.raster import decoder_errors
from imaging.formats.tiff.part import TiffPart
from imaging.formats.tiff.pixel_size import PixelSize
from imaging.formats.tiff.read import prepared_parts, scan_of_part
from imaging.scan import Scan

_TILE, _TILE_STEP = 512, 16
_JPEG = 7
_CLASSIC_BYTES = 1 << 31
"""Above this size the 32-bit offsets of a classic TIFF may not suffice."""
_UUID = UUID("0c6f6e0e-58a1-4d5b-9a0c-2b0f6a1f9d11")
"""For the identifier of OME-XML, which is the same for the same kind of image."""
_OME_TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")


def write_clean_copies(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes scans of the TIFF at `path`: number, from 1 -> where it is written.

    Raises UnreadableScan where the file is damaged, UnsupportedScan for integers of 64 bits, which
    OME-TIFF does not have.
    """
    parts = prepared_parts(path, UNLIMITED)
    for number, target in targets.items():
        _write_clean_copy(path, parts[number - 1], target)


def _write_clean_copy(path: Path, part: TiffPart, target: Path) -> None:
    scan = scan_of_part(path, part, UNLIMITED, target.parent)
    if scan.dtype.name not in _OME_TYPES:
        raise UnsupportedScan(
            "The pixels are integers of 64 bits, of which no copy can be made.",
            expected="Pixels of up to 32 bits, or floats.",
            hint="Save the image with 32 bits, one scan in a file.",
        )
    size = int(np.prod(scan.shape)) * scan.dtype.itemsize
    with (
        replacing(target) as file,
        tifffile.TiffWriter(file, bigtiff=size >= _CLASSIC_BYTES, ome=True) as tiff,
        decoder_errors(),
    ):
        options = _jpeg_tiles(path, part, scan) or _lossless_tiles(scan)
        shape, axes = _shape_and_axes(scan)
        metadata = {"axes": axes, "UUID": f"urn:uuid:{uuid5(_UUID, str(shape))}"}
        metadata |= _sizes(part.size)
        tiff.write(shape=shape, dtype=scan.dtype, metadata=metadata, software=False, **options)


def _shape_and_axes(scan: Scan) -> tuple[tuple[int, ...], str]:
    axes = "YX" if scan.dimension == 2 else "ZYX"
    if scan.shape[0] == 1:
        return scan.grid, axes
    return (*scan.grid, scan.shape[0]), f"{axes}S"


def _sizes(size: PixelSize) -> dict[str, Any]:
    """Attributes of Pixels (OME-XML 2016-06), in mm."""
    stated = {"X": size.column, "Y": size.row, "Z": size.plane}
    attributes: dict[str, Any] = {}
    for axis, mm in stated.items():
        if mm is not None:
            attributes |= {f"PhysicalSize{axis}": mm, f"PhysicalSize{axis}Unit": "mm"}
    return attributes


def _lossless_tiles(scan: Scan) -> dict[str, Any]:
    """The pixels as the scan has them, tile by tile."""
    edge = [min(_TILE, -(-n // _TILE_STEP) * _TILE_STEP) for n in scan.grid[-2:]]
    return {
        "data": _tiles(scan, edge),
        "tile": tuple(edge),
        "compression": "zlib",
        "photometric": "minisblack" if scan.shape[0] == 1 else "rgb",
    }


def _tiles(scan: Scan, edge: list[int]) -> Iterator[NDArray[Any]]:
    """(row, column[, component]) of each tile, plane by plane; tifffile pads the last ones."""
    for box in boxes(scan.grid, [1] * (scan.dimension - 2) + edge):
        pixels = np.moveaxis(scan.read(Box(box.start, box.stop)), 0, -1)
        tile = pixels.reshape(*box.shape[-2:], scan.shape[0])
        yield tile[..., 0] if scan.shape[0] == 1 else tile


def _jpeg_tiles(path: Path, part: TiffPart, scan: Scan) -> dict[str, Any] | None:
    """The tiles as they are stored; None where they are not tiles of JPEG that fit a TIFF, or not
    each one holds exactly the components of the scan."""
    page = part.series.keyframe
    tiled = page.is_tiled and page.tilelength % _TILE_STEP == 0 == page.tilewidth % _TILE_STEP
    complete = all(all(one.databytecounts) for one in part.series.pages)
    joined = page.samplesperpixel == 1 or page.planarconfig == tifffile.PLANARCONFIG.CONTIG
    same = joined and page.samplesperpixel == scan.shape[0]
    known = page.photometric in (1, 2, 6) and same
    if page.compression != _JPEG or not (tiled and complete and known) or page.jpegheader:
        return None
    return {
        "data": _streams(path, part),
        "tile": (page.tilelength, page.tilewidth),
        "compression": "jpeg",
        "photometric": int(page.photometric),
        "subsampling": page.subsampling if page.photometric == 6 else None,
        "jpegtables": without_metadata(page.jpegtables) if page.jpegtables else None,
    }


def _streams(path: Path, part: TiffPart) -> Iterator[bytes]:
    with path.open("rb") as file:
        for page in part.series.pages:
            for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
                file.seek(offset)
                yield without_metadata(file.read(count))
