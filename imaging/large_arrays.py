"""Arrays that may be larger than memory: above a size they are mapped from an unnamed file."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.box import blocks
from imaging.formats.atomic import raising_storage_full
from imaging.lazy import lazy
from imaging.scan import Scan

IN_MEMORY_BYTES = 1 << 26
"""An array of up to this size is held in memory."""
_ZEROS_BYTES = 1 << 24
SLAB_VOXELS = 1 << 23
"""Voxels of a slab: how much of an array is processed at once."""


def large_zeros(
    shape: Sequence[int], dtype: DTypeLike, scratch: Path | None = None
) -> NDArray[Any]:
    """Zeros of `shape`, in memory or mapped from a file in `scratch` (the system's own if None).

    The file disappears with the array, even if the process is killed. Raises StorageFull if the
    disk has too little space for the whole array; later writes cannot fail for that reason.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with raising_storage_full(), tempfile.TemporaryFile(dir=scratch) as file:
        reserve(file, size)
        mapped: NDArray[Any] = np.memmap(file, dtype, "r+", shape=tuple(shape))
    return mapped


def reserve(file: IO[bytes], size: int) -> None:
    """Makes an open, empty file `size` zeros long, with all of its blocks on the disk.

    Writing to a hole of a mapped file on a full disk raises SIGBUS. Raises OSError where the disk
    is full.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _ZEROS_BYTES):
        file.write(bytes(min(_ZEROS_BYTES, size - start)))


def slabs(shape: Sequence[int], voxels: int | None = None) -> Iterator[slice]:
    """Ranges that cover the first axis, each of about `voxels` (default: SLAB_VOXELS) voxels."""
    step = max(1, (voxels or SLAB_VOXELS) // max(1, prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def cached(scan: Scan, scratch: Path | None = None) -> Scan:
    """The same scan, whose voxels are computed at the first read, block by block, and stored."""

    def make() -> NDArray[Any]:
        out = large_zeros(scan.shape, scan.dtype, scratch)
        for box in blocks(scan.grid, max(1, SLAB_VOXELS // scan.shape[0])):
            out[(slice(None), *box.slices)] = scan.read(box)
        return out

    values = lazy(make)
    return replace(scan, reader=lambda box: values()[(slice(None), *box.slices)])
