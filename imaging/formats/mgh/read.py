"""Opens and verifies MGH volumes, and lists and extracts the frames of a file with several."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from imaging.errors import UnsupportedScan
from imaging.formats.affine import axis_lengths
from imaging.formats.limits import Limits
from imaging.formats.mgh.header import MghHeader, parse
from imaging.formats.mgh.write import write_mgh
from imaging.formats.scan_part import ScanPart, check_part_count, part_title
from imaging.formats.voxel_stream import StreamVoxels, extract_volumes
from imaging.scan import Scan

_FRAME_AXIS = 3


def open_mgh(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`, gzipped or not; reads the header only.

    `scratch`: a folder where a gzip stream is unpacked at the first read. Raises UnreadableScan,
    UnsupportedScan or ScanTooLarge before anything is allocated.
    """
    header = _checked(path, limits)
    if header.frames > 1:
        raise UnsupportedScan(
            f"The file holds {header.frames} frames.",
            expected="A file with one 3D volume, or the choice of one frame.",
            hint="Choose a frame by its number, or split the file with `mri_convert --frame`.",
        )
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stream.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=axis_lengths(header.affine),
        format="mgh",
        reader=MghVoxels(header, scratch),
        stored_shape=header.grid,
        warnings=header.warnings,
    )


def verify_mgh(path: Path, limits: Limits) -> Scan:
    """As open_mgh, and verifies that every voxel is present; holds one chunk at a time.

    Bytes after the voxels are normal: the scanner's parameters and FreeSurfer's tags.
    """
    scan = open_mgh(path, limits)
    parse(path).stream.verify()
    return scan


def mgh_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The frames of the file at `path`; reads the header only."""
    header = _checked(path, limits)
    check_part_count(header.frames)
    return [ScanPart(n + 1, _title(header, n), header.grid) for n in range(header.frames)]


def extract_mgh(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes frames of the file at `path`, without its tags: number, from 1 -> target.

    A gzip stream is verified to its end. Raises UnreadableScan.
    """
    header = parse(path)
    extract_volumes(header, targets, MghVoxels, write_mgh, header.geometry)


def _title(header: MghHeader, index: int) -> str:
    return part_title([("frame", index, header.frames)]) or "frame 1 of 1"


class MghVoxels(StreamVoxels):
    """The reader of an MGH scan."""

    def __init__(self, header: MghHeader, scratch: Path | None, frame: int = 0) -> None:
        """`frame`: its index in the file, from 0."""
        super().__init__(header.stream, scratch, ((_FRAME_AXIS, frame),))
        self.header = header


def _checked(path: Path, limits: Limits) -> MghHeader:
    """The header of a file that is as large as its voxels need, and within the limits."""
    header = parse(path)
    limits.check_volume(header.voxels, header.stream.stream_bytes)
    header.stream.check_size()
    return header
