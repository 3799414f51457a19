"""Opens and verifies NRRD volumes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.limits import Limits
from imaging.formats.nrrd.fields import damaged
from imaging.formats.nrrd.header import NrrdHeader, parse
from imaging.formats.scan_part import ScanPart, check_part_count
from imaging.lazy import lazy
from imaging.scan import Scan


def open_nrrd(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`; reads the header only.

    `scratch`: a folder where a gzip stream is unpacked at the first read. Raises UnreadableScan,
    UnsupportedScan or ScanTooLarge before anything is allocated.
    """
    header = _checked(path, limits)
    if header.axes.parts > 1:
        raise UnsupportedScan(
            f"The file holds {header.axes.parts} volumes ({len(header.axes.sizes)} axes).",
            expected="A file with one 3D volume, or the choice of one volume.",
            hint="Choose a volume by its number, or split the file into volumes.",
        )
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)),
        format="nrrd",
        reader=NrrdVoxels(path, header, scratch),
        stored_shape=header.grid,
        warnings=header.space.warnings,
    )


def verify_nrrd(path: Path, limits: Limits) -> Scan:
    """As open_nrrd, and verifies that every voxel is present; holds one chunk at a time."""
    scan, header = open_nrrd(path, limits), parse(path)
    if header.gzipped:
        trailing = gzip_stream.verify(path, header.offset, header.stream_bytes, truncated)
    else:
        trailing = path.stat().st_size - header.offset - header.data_bytes
    return replace(scan, warnings=(*scan.warnings, *gzip_stream.trailing_warning(trailing)))


def nrrd_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The volumes of the file at `path`; reads the header only."""
    header = _checked(path, limits)
    check_part_count(header.axes.parts)
    titles = map(header.axes.title, range(header.axes.parts))
    return [ScanPart(n, title, header.grid) for n, title in enumerate(titles, 1)]


def _checked(path: Path, limits: Limits) -> NrrdHeader:
    """The header of a file that is as large as its voxels need, and within the limits."""
    header = parse(path)
    limits.check_volume(header.voxels, header.stream_bytes)
    ratio = gzip_stream.DEFLATE_RATIO if header.gzipped else 1
    if (path.stat().st_size - header.offset) * ratio < header.stream_bytes:
        raise truncated()
    return header


class NrrdVoxels:
    """Box -> (1, i, j, k) values; a gzip stream is inflated at the first read."""

    def __init__(self, path: Path, header: NrrdHeader, scratch: Path | None, part: int = 0) -> None:
        """`part`: index of the volume in the file, from 0."""
        self.header = header
        self._path, self._scratch, self._part = path, scratch, part
        self._stored = lazy(self._map)

    def __call__(self, box: Box) -> NDArray[Any]:
        stored = self._stored()[box.slices]
        return np.array(stored, self.header.stored.newbyteorder("="))[np.newaxis]

    def _map(self) -> NDArray[Any]:
        header, offset = self.header, self.header.offset
        if header.gzipped:
            source = gzip_stream.inflated(
                self._path, offset, header.stream_bytes, self._scratch, truncated
            )
            offset = header.skip
        else:
            source = self._path.open("rb")
        with source:
            mapped: NDArray[Any] = np.memmap(
                source, header.stored, "r", offset, header.axes.sizes, order="F"
            )
        where: list[slice | int] = [slice(None)] * mapped.ndim
        for axis, place in zip(header.axes.others, header.axes.places(self._part), strict=True):
            where[axis] = place
        return mapped[tuple(where)]


def truncated() -> UnreadableScan:
    return damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
