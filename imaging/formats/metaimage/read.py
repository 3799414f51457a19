"""Opens and verifies MetaImage volumes, and lists and extracts those of a file with several."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.formats import gzip_stream
from imaging.formats.affine import axis_lengths
from imaging.formats.limits import Limits
from imaging.formats.metaimage.header import MetaHeader, parse
from imaging.formats.metaimage.single import write_single
from imaging.formats.metaimage.write import write_metaimage
from imaging.formats.raster import ALPHA_IGNORED, Layout, scan_of
from imaging.formats.scan_part import ScanPart, check_part_count
from imaging.formats.voxel_stream import StreamVoxels, extract_volumes
from imaging.lazy import lazy
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
            expected="A file with one volume or image, or the choice of one.",
            hint="Choose a volume by its number, or split the file into volumes.",
        )
    return _image(header, scratch) if header.dimension == 2 else _volume(header, scratch)


def verify_metaimage(path: Path, limits: Limits) -> Scan:
    """As open_metaimage, and verifies that every voxel is present; holds one chunk at a time."""
    scan, header = open_metaimage(path, limits), parse(path)
    trailing = gzip_stream.trailing_warning(header.stream.verify())
    return replace(scan, warnings=(*scan.warnings, *trailing))


def metaimage_parts(path: Path, limits: Limits) -> Sequence[ScanPart]:
    """The volumes and components of the file at `path`; reads the header only."""
    header = _checked(path, limits)
    check_part_count(header.parts)
    shape = header.grid if header.dimension == 3 else header.grid[::-1]
    return [ScanPart(n + 1, header.title(n), shape) for n in range(header.parts)]


def extract_metaimage(path: Path, targets: Mapping[int, Path]) -> None:
    """Writes volumes of the file at `path`: number, from 1 -> target. Their position stays.

    A compressed stream is verified to its end. Raises UnreadableScan.
    """
    header = parse(path)
    if header.parts == 1:
        write_single(targets[1], header)
        return
    extract_volumes(header, targets, MetaVoxels, write_metaimage, header.space)


def _volume(header: MetaHeader, scratch: Path | None) -> Scan:
    return Scan(
        shape=(1, *header.grid),
        dtype=header.stream.stored.newbyteorder("="),
        affine=header.affine,
        spacing_mm=_spacing_mm(header),
        format="metaimage",
        reader=MetaVoxels(header, scratch),
        stored_shape=header.grid,
        warnings=header.warnings,
    )


def _image(header: MetaHeader, scratch: Path | None) -> Scan:
    """The first axis of the file runs along a row."""
    columns, rows = header.grid
    transparent = header.channels == 4
    layout = Layout(
        format="metaimage",
        rows=rows,
        columns=columns,
        components=3 if header.colour else 1,
        dtype=header.stream.stored.newbyteorder("="),
        warnings=(*header.warnings, *((ALPHA_IGNORED,) if transparent else ())),
    )
    width, height = _spacing_mm(header)[:2]
    return scan_of(
        layout, MetaPixels(header, scratch), (height, width) if header.space.sized else None
    )


def _spacing_mm(header: MetaHeader) -> tuple[float, ...]:
    return axis_lengths(header.affine)


def _checked(path: Path, limits: Limits) -> MetaHeader:
    """The header of a file that is as large as its voxels need, and within the limits."""
    header = parse(path)
    if header.dimension == 2:
        limits.check_bytes(header.stream.stream_bytes)
    else:
        limits.check_volume(header.voxels, header.stream.stream_bytes)
    header.stream.check_size()
    return header


class MetaVoxels(StreamVoxels):
    """The reader of a volume: box -> (1, i, j, k)."""

    def __init__(self, header: MetaHeader, scratch: Path | None, part: int = 0) -> None:
        """`part`: index of the volume in the file, from 0."""
        channel, *places = header.places(part)
        others = [(axis + 4, place) for axis, place in enumerate(places)]
        super().__init__(header.stream, scratch, ((0, channel), *others))
        self.header = header


class MetaPixels:
    """The reader of an image: box of (row, column) -> (c, row, column)."""

    def __init__(self, header: MetaHeader, scratch: Path | None) -> None:
        self.header = header
        self._pixels = lazy(lambda: header.stream.mapped(scratch))

    def __call__(self, box: Box) -> NDArray[Any]:
        rows, columns = box.slices
        pixels = self._pixels()[: 3 if self.header.colour else 1, columns, rows]
        native = self.header.stream.stored.newbyteorder("=")
        return np.ascontiguousarray(np.swapaxes(pixels, 1, 2), native)
