"""The voxels of a NIfTI file, read by region: inflated once from a gzip stream, or mapped."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats import gzip_stream
from imaging.formats.file_start import FileStart
from imaging.formats.limits import Limits
from imaging.formats.nifti.header import Header, parse
from imaging.formats.voxel_stream import VoxelStream
from imaging.lazy import lazy


def opened(path: Path) -> tuple[Header, VoxelStream]:
    """The header of the file at `path`, and where its voxels are: (i, j, k, volume).

    Raises UnreadableScan or UnsupportedScan.
    """
    start = FileStart.of(path)
    header = parse(start.inflated())
    gzipped = start.starts_with(gzip_stream.SIGNATURE)
    stream = VoxelStream(
        path=path,
        stored=header.stored,
        sizes=(*header.grid, header.volumes),
        offset=0 if gzipped else header.offset,
        compressed=gzipped,
        truncated=truncated,
        skip=header.offset if gzipped else 0,
    )
    return header, stream


def check_size(header: Header, stream: VoxelStream, limits: Limits) -> None:
    """Raises ScanTooLarge beyond the limits, and UnreadableScan where the file is too small for its
    voxels, as far as its size shows it."""
    limits.check_volume(header.voxels, header.file_bytes)
    stream.check_size()


class Voxels:
    """The reader of a NIfTI scan: box -> (1, i, j, k) values, slope and intercept applied."""

    def __init__(self, header: Header, stream: VoxelStream, scratch: Path | None) -> None:
        """`stream`: one volume; it is inflated into `scratch` if it is compressed."""
        self.header, self.stream = header, stream
        self._stored = lazy(lambda: stream.mapped(scratch)[..., 0])

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        header = self.header
        if not header.scaled:
            return np.array(stored, header.dtype)[np.newaxis]
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float64) * header.slope + header.intercept
            return values.astype(header.dtype)[np.newaxis]


def truncated() -> UnreadableScan:
    """The error for a file that ends, or is damaged, before its last voxel."""
    return UnreadableScan(
        "The file is cut off or damaged: it holds fewer voxels than its header promises.",
        expected="A complete NIfTI file, .nii or .nii.gz.",
        hint="Copy or export the scan again; compare the file's size with the original's.",
    )
