"""Opens and verifies MetaImage volumes, and lists and extracts those of a file with several."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.limits import Limits
from imaging.formats.metaimage.header import MetaHeader, parse
from imaging.formats.metaimage.write import write_metaimage
from imaging.formats.scan_part import ScanPart, check_part_count
from imaging.formats.voxel_stream import StreamVoxels
from imaging.scan import Scan


def open_metaimage(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The volume at `path`; reads the header only.

    `scratch`: a folder where a compressed stream is unpacked at the first read. Raises
    UnreadableScan, UnsupportedScan or ScanTooLarge before anything is allocated.
    """
    header = _checked(path, limits)
    if header.parts > 1:
        raise UnsupportedScan(
            f"The file holds {header.parts} volumes or components.",
            expected="A file with one 3D volume, or the choice of one volume.",
            hint="Choose a volume by its number, or split the file into volumes.",
        )
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stream.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=tuple(float(n) for n in np.linalg.norm(header.affine[:3, :3], axis=0)),
        format="metaimage",
        reader=MetaVoxels(header, scratch),
        stored_shape=header.grid,
        warnings=header.warnings,
    )


def verify_metaimage(path: Path, limits: Limits) -> Scan:
    """As open_metaimage, and verifies that every voxel is present; holds one chunk at a time."""
    scan, header = open_metaimage(path, limits), parse(path)
    trailing = gzip_stream.trailing_warning(header.stream.verify())
    return replace(scan, warnings=(*scan.warnings, *trailing))


def metaimage_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The volumes and components of the file at `path`; reads the header only."""
    header = _checked(path, limits)
    check_part_count(header.parts)
    return [ScanPart(n + 1, header.title(n), header.grid) for n in range(header.parts)]


def extract_metaimage(path: Path, number: int, target: Path) -> None:
    """Writes volume `number` (from 1) of the file at `path`; its position stays as it is.

    A compressed stream is verified to its end. Raises UnreadableScan.
    """
    header = parse(path)
    header.stream.verify()
    voxels = MetaVoxels(header, target.parent, number - 1)
    i, j, _ = header.grid
    write_metaimage(
        target,
        lambda first, stop: voxels(Box((0, 0, first), (i, j, stop)))[0],
        header.grid,
        header.stream.stored,
        header.own,
        header.unit,
        compress=header.stream.compressed,
    )


def _checked(path: Path, limits: Limits) -> MetaHeader:
    """The header of a file that is as large as its voxels need, and within the limits."""
    header = parse(path)
    limits.check_volume(header.voxels, header.stream.stream_bytes)
    header.stream.check_size()
    return header


class MetaVoxels(StreamVoxels):
    """The reader of a MetaImage scan."""

    def __init__(self, header: MetaHeader, scratch: Path | None, part: int = 0) -> None:
        """`part`: index of the volume in the file, from 0."""
        channel, *places = header.places(part)
        others = [(axis + 4, place) for axis, place in enumerate(places)]
        super().__init__(header.stream, scratch, ((0, channel), *others))
        self.header = header
