"""Tiles of an image and of its mask for a viewer, in one zip file, in flat memory.

The pixels of the mask are its label numbers, in three bytes: red + 256 green + 65,536 blue.
"""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.intensity import percentiles
from imaging.large_arrays import large_zeros
from imaging.scan import Scan
from imaging.tile_levels import TILE, TileLevels

_QUALITY = 92
_WINDOW = (0.5, 99.5)
"""Percentiles of the values that are shown black and white."""
_MOST = 1 << 24

Pixels = NDArray[np.uint8]
Rows = Callable[[int, int], Pixels]
"""First and last row (exclusive) -> those rows of the level, (row, column, 3)."""
Progress = Callable[[float], None]


def name_of(level: int, row: int, column: int) -> str:
    """The tile's name in the zip file."""
    return f"{level}/{column}_{row}"


def write_image_tiles(scan: Scan, path: Path, scratch: Path, progress: Progress) -> None:
    """JPEG tiles of an image; each level holds means of four pixels of the next.

    Eight-bit values are shown as they are, others between two percentiles. Of an image whose
    components are no colours, the first is shown. Raises BadRequest for a volume, StorageFull.
    """
    if scan.dimension != 2:
        raise BadRequest(
            "The scan is a volume.",
            expected="A 2D image.",
            hint="GET /v1/scans/{id}/volume gives the volume as one file.",
        )
    low, high = (0.0, 255.0) if scan.dtype == np.uint8 else percentiles(scan, _WINDOW)
    rows = partial(_image_rows, scan, low, high if high > low else low + 1.0)
    _write(path, TileLevels(*scan.grid), rows, _mean, _jpeg, scratch, progress)


def write_mask_tiles(mask: NDArray[Any], path: Path, scratch: Path, progress: Progress) -> None:
    """PNG tiles of label numbers (row, column); each level holds every second pixel of the next.

    Raises BadRequest for numbers from 2^24 on, StorageFull.
    """
    rows = partial(_mask_rows, mask)
    _write(path, TileLevels(*mask.shape), rows, _every_second, _png, scratch, progress)


def _write(
    path: Path,
    levels: TileLevels,
    rows: Rows,
    halved: Callable[[Pixels], Pixels],
    encode: Callable[[Pixels], bytes],
    scratch: Path,
    progress: Progress,
) -> None:
    total, done = sum(map(levels.tiles, levels.downwards())), 0
    with replacing(path) as file, ZipFile(file, "w", ZIP_STORED) as tiles:
        for level in levels.downwards():
            height, width = levels.size(level)
            half = large_zeros((-(-height // 2), -(-width // 2), 3), np.uint8, scratch)
            for top in range(0, height, TILE):
                band = rows(top, min(top + TILE, height))
                for left in range(0, width, TILE):
                    name = name_of(level, top // TILE, left // TILE)
                    tiles.writestr(name, encode(band[:, left : left + TILE]))
                    done += 1
                small = halved(band)
                half[top // 2 : top // 2 + small.shape[0]] = small
                progress(done / total)
            rows = partial(_rows_of, half)


def _rows_of(level: Pixels, first: int, last: int) -> Pixels:
    return level[first:last]


def _image_rows(scan: Scan, low: float, high: float, first: int, last: int) -> Pixels:
    values = scan.read(Box((first, 0), (last, scan.grid[1])))
    if values.dtype != np.uint8:
        finite = np.nan_to_num(values.astype(np.float32), nan=low, posinf=high, neginf=low)
        values = np.rint(np.clip((finite - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    shown = values if len(values) == 3 else np.repeat(values[:1], 3, axis=0)
    return np.moveaxis(shown, 0, -1)


def _mask_rows(mask: NDArray[Any], first: int, last: int) -> Pixels:
    numbers = np.asarray(mask[first:last], np.uint32)
    if numbers.max(initial=0) >= _MOST:
        raise BadRequest(
            "The mask has too many objects for tiles.",
            expected=f"Numbers below {_MOST:,}.",
            hint="Download the mask, and open it in a viewer for large images.",
        )
    return np.stack([(numbers >> shift).astype(np.uint8) for shift in (0, 8, 16)], axis=-1)


def _mean(band: Pixels) -> Pixels:
    """Means over two by two pixels; at an odd edge, over those that there are."""
    even = np.pad(band, [(0, n % 2) for n in band.shape[:2]] + [(0, 0)], mode="edge")
    four = [even[a::2, b::2].astype(np.uint16) for a in (0, 1) for b in (0, 1)]
    return ((four[0] + four[1] + four[2] + four[3] + 2) // 4).astype(np.uint8)


def _every_second(band: Pixels) -> Pixels:
    return band[::2, ::2]


def _jpeg(tile: Pixels) -> bytes:
    return _encoded(tile, format="JPEG", quality=_QUALITY, subsampling=0)


def _png(tile: Pixels) -> bytes:
    return _encoded(tile, format="PNG", compress_level=1)


def _encoded(tile: Pixels, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(tile)).save(file, **options)
    return file.getvalue()
