"""Opens and verifies NRRD volumes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan
from imaging.formats import gzip_stream
from imaging.formats.limits import Limits
from imaging.formats.nrrd.header import NrrdHeader, damaged, parse
from imaging.lazy import lazy
from imaging.scan import Scan


def open_nrrd(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`; reads the header only.

    `scratch`: a folder where a gzip stream is unpacked at the first read. Raises UnreadableScan,
    UnsupportedScan or ScanTooLarge before anything is allocated.
    """
    header = parse(path)
    limits.check_volume(header.voxels, header.voxel_bytes)
    ratio = gzip_stream.DEFLATE_RATIO if header.gzipped else 1
    if (path.stat().st_size - header.offset) * ratio < header.voxel_bytes:
        raise _truncated()
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)),
        format="nrrd",
        reader=_Voxels(path, header, scratch),
        stored_shape=header.grid,
        warnings=header.warnings,
    )


def verify_nrrd(path: Path, limits: Limits) -> Scan:
    """As open_nrrd, and verifies that every voxel is present; holds one chunk at a time."""
    scan, header = open_nrrd(path, limits), parse(path)
    if header.gzipped:
        trailing = gzip_stream.verify(path, header.offset, header.voxel_bytes, _truncated)
    else:
        trailing = path.stat().st_size - header.offset - header.voxel_bytes
    return replace(scan, warnings=(*scan.warnings, *gzip_stream.trailing_warning(trailing)))


class _Voxels:
    """Box -> (1, i, j, k) values; a gzip stream is inflated at the first read."""

    def __init__(self, path: Path, header: NrrdHeader, scratch: Path | None) -> None:
        self._path, self._header, self._scratch = path, header, scratch
        self._stored = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        return np.array(stored, self._header.stored.newbyteorder("="))[np.newaxis]

    def _map(self) -> NDArray[Any]:
        header, offset = self._header, self._header.offset
        if header.gzipped:
            source = gzip_stream.inflated(
                self._path, offset, header.voxel_bytes, self._scratch, _truncated
            )
            offset = 0
        else:
            source = self._path.open("rb")
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, header.stored, "r", offset, header.grid, order="F"
            )
        return mapped


def _truncated() -> UnreadableScan:
    return damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
