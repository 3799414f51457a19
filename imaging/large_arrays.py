"""Arrays that may be larger than memory: beyond a size they lie in a file that has no name."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imaging.box import blocks
from imaging.formats.atomic import raising_storage_full
from imaging.lazy import lazy
from imaging.scan import Scan

IN_MEMORY_BYTES = 1 << 26
"""Up to this an array lies in memory."""
_ZEROS_BYTES = 1 << 24
SLAB_VOXELS = 1 << 23
"""What goes over an array slab by slab holds about as many voxels at once."""


def large_zeros(
    shape: Sequence[int], dtype: DTypeLike, scratch: Path | None = None
) -> NDArray[Any]:
    """Zeros of `shape`, in memory or mapped from a file in `scratch` (the system's own if None).

    The file is gone with the array, even after a kill. Raises StorageFull where the disk has no
    room for all of it; later writes cannot fail for that reason.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with raising_storage_full(), tempfile.TemporaryFile(dir=scratch) as file:
        # a map of a hole on a full disk kills with SIGBUS
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for start in range(0, size, _ZEROS_BYTES):
                file.write(bytes(min(_ZEROS_BYTES, size - start)))
        mapped: NDArray[Any] = np.memmap(file, dtype, "r+", shape=tuple(shape))
    return mapped


def slabs(shape: Sequence[int], voxels: int | None = None) -> Iterator[slice]:
    """Ranges of the first axis that cover it, each of about `voxels` (SLAB_VOXELS) or one index."""
    step = max(1, (voxels or SLAB_VOXELS) // max(1, prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def cached(scan: Scan, scratch: Path | None = None) -> Scan:
    """The same scan, whose voxels are made at the first read, block by block, and then kept."""

    def make() -> NDArray[Any]:
        out = large_zeros(scan.shape, scan.dtype, scratch)
        for box in blocks(scan.grid, max(1, SLAB_VOXELS // scan.shape[0])):
            out[(slice(None), *box.slices)] = scan.read(box)
        return out

    values = lazy(make)
    return replace(scan, reader=lambda box: values()[(slice(None), *box.slices)])
