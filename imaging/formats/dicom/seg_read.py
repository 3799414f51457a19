"""Reads a DICOM Segmentation as a mask on the grid of its scan, frame by frame.

Frames may be in any order, cover a part of the scan, and be flipped or turned: each is placed by
its position in the patient. A FRACTIONAL object is drawn where it is at least one half. A voxel
belongs to one label, so segments that overlap are refused.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import RLELossless

from imaging.errors import BadRequest, TesseraError, UnsupportedScan
from imaging.formats.dicom.frame_plane import plane_of
from imaging.formats.dicom.functional_groups import attribute
from imaging.formats.dicom.seg_header import SegHeader, damaged
from imaging.formats.dicom.seg_pixels import seg_frames
from imaging.formats.dicom.seg_placement import Placement, image_placement, other_grid, placement
from imaging.large_arrays import large_zeros
from imaging.scan import Scan
from imaging.uploaded_mask import MOST_LABEL, UploadedMask, smallest

_KINDS = ("BINARY", "FRACTIONAL", "LABELMAP")
_MOST_FRAMES = 100_000
_HALF = 0.5


def read_seg(
    path: Path, header: SegHeader, scan: Scan, scratch: Path | None = None
) -> UploadedMask:
    """The mask of the Segmentation at `path`, which has this header.

    Raises BadRequest for another grid or overlapping segments, UnsupportedScan for a kind or a
    compression that is not supported, UnreadableScan.
    """
    try:
        _check(header)
        places = [_place(header, scan, frame) for frame in range(_frames(header))]
        numbers = large_zeros(scan.grid, np.uint16, scratch)
        for place, values in zip(places, _labelled(path, header), strict=True):
            _draw(numbers, place, values)
    except TesseraError:
        raise
    except Exception as error:  # pydicom raises many kinds for a damaged file
        raise damaged() from error
    return UploadedMask(
        smallest(numbers, scratch),
        header.segments,
        algorithms=header.algorithms,
        notes=_notes(header),
    )


def _check(header: SegHeader) -> None:
    syntax = header.dataset.file_meta.TransferSyntaxUID
    if not syntax.is_little_endian or (syntax.is_encapsulated and syntax != RLELossless):
        raise UnsupportedScan(
            f'The Segmentation is stored as "{syntax.name}", which is not supported.',
            expected="Little endian without compression, deflated, or RLE (PS3.5, Annex A).",
            hint="Export it without compression.",
        )
    if header.kind not in _KINDS:
        raise UnsupportedScan(
            "The Segmentation does not state a type that is supported.",
            expected=f"Segmentation Type (0062,0001): {', '.join(_KINDS)}.",
            hint="Export it as BINARY.",
        )
    if not header.segments or not 1 <= _frames(header) <= _MOST_FRAMES:
        raise damaged()


def _frames(header: SegHeader) -> int:
    return int(header.dataset.NumberOfFrames)


def _place(header: SegHeader, scan: Scan, frame: int) -> Placement:
    dataset = header.dataset
    size = int(dataset.Rows), int(dataset.Columns)
    if scan.dimension == 2:
        return image_placement(size, scan)
    plane = plane_of(dataset, frame)
    if plane is None:
        raise other_grid("The mask does not state where its frames are in the patient.", scan.grid)
    return placement(plane, size, scan)


def _labelled(path: Path, header: SegHeader) -> Iterator[NDArray[Any]]:
    """The frames (rows, columns) as numbers of segments."""
    dataset, frames = header.dataset, seg_frames(path, header.dataset)
    known = np.zeros(MOST_LABEL + 1, bool)
    known[[segment.number for segment in header.segments]] = True
    if header.kind == "LABELMAP":
        known[0] = True
        for frame in frames:
            if int(frame.min()) < 0 or not known[frame].all():
                raise damaged()
            yield frame
        return
    most = int(dataset.MaximumFractionalValue) if header.kind == "FRACTIONAL" else 1
    for number, frame in enumerate(frames):
        segment = int(attribute(dataset, number, "ReferencedSegmentNumber"))
        if most < 1 or segment < 1 or not known[segment]:
            raise damaged()
        yield (frame >= _HALF * most).astype(np.uint16) * np.uint16(segment)


def _draw(numbers: NDArray[Any], place: Placement, values: NDArray[Any]) -> None:
    part, frame = numbers[place.index], place.oriented(values)
    drawn = frame > 0
    if ((part != frame) & (part > 0) & drawn).any():
        raise BadRequest(
            "Segments of the mask overlap: a voxel belongs to several of them.",
            expected="Segments without common voxels: a mask has one label for each voxel.",
            hint="Export the segments that overlap as several objects, or remove the overlap.",
        )
    part[drawn] = frame[drawn]


def _notes(header: SegHeader) -> tuple[str, ...]:
    return (_FRACTIONS,) if header.kind == "FRACTIONAL" else ()


_FRACTIONS = (
    "The mask was uploaded with fractions of voxels. A label is drawn where its fraction is at "
    "least one half."
)
