"""Writes masks and single frames as MGH or MGZ, deterministically and without free text."""

from pathlib import Path
from typing import Any

import numpy as np

from imaging.formats import gzip_stream
from imaging.formats.atomic import replacing
from imaging.formats.mgh.header import header_bytes
from imaging.formats.voxel_blocks import ReadSlices, voxel_blocks


def write_mgh(
    path: Path,
    read: ReadSlices,
    grid: tuple[int, int, int],
    stored: np.dtype[Any],
    geometry: tuple[float, ...] | None,
    *,
    compress: bool,
) -> None:
    """Writes one frame of the type `stored`.

    `geometry` is None where the source has none. The same volume gives the same bytes.
    """
    with replacing(path) as file, gzip_stream.packing(file, compress=compress) as out:
        out.write(header_bytes(grid, stored, geometry))
        for block in voxel_blocks(read, grid, stored):
            out.write(block)
