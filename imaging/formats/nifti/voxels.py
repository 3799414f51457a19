"""The voxels of a NIfTI file, read by region: inflated once from a gzip stream, or mapped."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats import gzip_stream
from imaging.formats.nifti.header import Header
from imaging.lazy import lazy


class Voxels:
    """The reader of a NIfTI scan: box -> (1, i, j, k) values, slope and intercept applied."""

    def __init__(self, path: Path, header: Header, scratch: Path | None, *, gzipped: bool) -> None:
        self.header = header
        self.gzipped = gzipped
        self._path = path
        self._scratch = scratch
        self._stored = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        header = self.header
        if not header.scaled:
            return np.array(stored, header.dtype)[np.newaxis]
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float64) * header.slope + header.intercept
            return values.astype(header.dtype)[np.newaxis]

    def _map(self) -> NDArray[Any]:
        header = self.header
        source = (
            gzip_stream.inflated(self._path, 0, header.file_bytes, self._scratch, truncated)
            if self.gzipped
            else self._path.open("rb")
        )
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, header.stored, "r", header.offset, header.grid, order="F"
            )
        return mapped


def check_file_size(path: Path, header: Header, *, gzipped: bool) -> None:
    """Raises UnreadableScan where the file is too small for its voxels.

    A gzip stream passes where deflate could compress the voxels as far.
    """
    if path.stat().st_size * (gzip_stream.DEFLATE_RATIO if gzipped else 1) < header.file_bytes:
        raise truncated()


def truncated() -> UnreadableScan:
    """The error for a file that ends, or is damaged, before its last voxel."""
    return UnreadableScan(
        "The file is cut off or damaged: it holds fewer voxels than its header promises.",
        expected="A complete NIfTI file, .nii or .nii.gz.",
        hint="Copy or export the scan again; compare the file's size with the original's.",
    )
