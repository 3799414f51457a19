"""Opens and verifies NRRD volumes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from imaging.errors import UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.affine import axis_lengths
from imaging.formats.limits import Limits
from imaging.formats.nrrd.header import NrrdHeader, parse
from imaging.formats.scan_part import ScanPart, check_part_count
from imaging.formats.voxel_stream import StreamVoxels
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
        dtype=header.stream.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=axis_lengths(header.affine),
        format="nrrd",
        reader=NrrdVoxels(header, scratch),
        stored_shape=header.grid,
        warnings=header.space.warnings,
    )


def verify_nrrd(path: Path, limits: Limits) -> Scan:
    """As open_nrrd, and verifies that every voxel is present; holds one chunk at a time."""
    scan, header = open_nrrd(path, limits), parse(path)
    trailing = header.stream.verify()
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
    limits.check_volume(header.voxels, header.stream.stream_bytes)
    header.stream.check_size()
    return header


class NrrdVoxels(StreamVoxels):
    """The reader of an NRRD scan."""

    def __init__(self, header: NrrdHeader, scratch: Path | None, part: int = 0) -> None:
        """`part`: index of the volume in the file, from 0."""
        axes = header.axes
        super().__init__(
            header.stream, scratch, tuple(zip(axes.others, axes.places(part), strict=True))
        )
        self.header = header
