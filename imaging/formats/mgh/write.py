"""Writes masks and single frames as MGH or MGZ, deterministically and without free text."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.atomic import replacing
from imaging.formats.mgh.header import header_bytes

_GZIP_LEVEL = 4
_SLICES_BYTES = 1 << 26


def write_mgh(
    path: Path,
    read: Callable[[int, int], NDArray[Any]],
    grid: tuple[int, int, int],
    stored: np.dtype[Any],
    geometry: tuple[float, ...] | None,
    *,
    compress: bool,
) -> None:
    """Writes one frame of the type `stored`; `read(first, stop)` returns slices of the last axis.

    `geometry` is None where the source has none. The same volume gives the same bytes.
    """
    step = max(1, _SLICES_BYTES // (grid[0] * grid[1] * stored.itemsize))

    def blocks() -> Iterator[bytes]:
        yield header_bytes(grid, stored, geometry)
        for first in range(0, grid[2], step):
            slices = read(first, min(first + step, grid[2]))
            yield slices.astype(stored, copy=False).tobytes("F")

    with replacing(path) as file:
        if not compress:
            _put(file, blocks())
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            _put(packed, blocks())


def _put(file: IO[bytes] | gzip.GzipFile, blocks: Iterator[bytes]) -> None:
    for block in blocks:
        file.write(block)
