"""Writes a mask as a DICOM Segmentation (PS3.3 A.51 and A.93), voxel for voxel on its planes.

highdicom builds the object for one plane. The frames of the other planes, which may be tens of
thousands, are then written directly into the file.

A BINARY object leaves out segments without voxels and the empty frames of a segment: OHIF and dcmqi
fail on segments without frames, and empty frames take space. Segments are numbered from 1 without
gaps, as PS3.3 C.8.20.2 requires. An empty mask lists all segments with one empty frame each, which
states that they were searched for and not found. A LABELMAP keeps the mask's own numbers, all
segments and all planes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from imaging.formats.dicom.object_header import MANUFACTURER, ObjectHeader, copy
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import (
    ReferencedPlane,
    decimal,
    frame_of_reference,
    gap_mm,
    no_position,
    referenced_planes,
)
from imaging.formats.dicom.references import instance, referenced_series
from imaging.formats.dicom.seg_frames import SegFrame, write_with_frames
from imaging.formats.dicom.segments import labelled, ordered, presence, segment_description
from imaging.formats.dicom.stand_in import stand_in
from imaging.formats.dicom.uids import uid
from imaging.mask_description import MaskDescription, Segment

Kind = Literal["BINARY", "LABELMAP"]
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


@dataclass(frozen=True, slots=True)
class NumberedSegment:
    """A segment with its number in the object."""

    number: int
    """SegmentNumber."""
    segment: Segment
    planes: tuple[int, ...]
    """Planes on which it has frames."""


def write_seg(
    path: Path,
    mask: NDArray[Any],
    planes: Planes,
    description: MaskDescription,
    kind: Kind,
    object_header: ObjectHeader,
) -> None:
    """Writes `mask`, unsigned (planes, rows, columns), as one SEG instance.

    Raises BadRequest for numbers that are not labels, for several planes without a position, and
    for more frames than one file can hold.
    """
    referenced, mask = referenced_planes(planes), labelled(mask, description)
    if len(referenced) > 1 and not all(plane.has_position for plane in referenced):
        raise no_position()
    segments = numbered_segments(mask, description)
    if kind == "BINARY":
        frames = [
            SegFrame(n, p, s.segment.number) for n, s in enumerate(segments) for p in s.planes
        ]
    else:
        segments = tuple(NumberedSegment(s.number, s, ()) for s in ordered(description))
        frames = [SegFrame(0, plane, None) for plane in range(len(mask))]
    dataset = _first_plane(
        referenced[0], mask.shape[1:], segments, description, kind, object_header
    )
    _complete(dataset, referenced, planes, description, object_header)
    write_with_frames(path, dataset, mask, referenced, frames)


def numbered_segments(
    mask: NDArray[Any], description: MaskDescription
) -> tuple[NumberedSegment, ...]:
    """The segments of a BINARY object of a mask (planes, rows, columns), in order."""
    segments = ordered(description)
    held = presence(labelled(mask, description), segments)
    if not held.any():
        held[0] = True
    kept = [n for n in range(len(segments)) if held[:, n].any()]
    return tuple(
        NumberedSegment(number, segments[n], tuple(int(p) for p in np.flatnonzero(held[:, n])))
        for number, n in enumerate(kept, 1)
    )


def _first_plane(
    plane: ReferencedPlane,
    shape: tuple[int, ...],
    segments: Sequence[NumberedSegment],
    description: MaskDescription,
    kind: Kind,
    object_header: ObjectHeader,
) -> Segmentation:
    """The object that highdicom builds from one empty plane: an empty frame for each segment."""
    return Segmentation(
        source_images=[_empty_image(plane, shape)],
        pixel_array=np.zeros((1, *shape), np.uint8),
        segmentation_type=kind,
        segment_descriptions=[
            segment_description(
                s.number, s.segment, description, object_header.tracking_uid(s.segment.number)
            )
            for s in segments
        ],
        series_instance_uid=object_header.series_uid,
        series_number=object_header.series_number,
        sop_instance_uid=object_header.uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions="1",
        device_serial_number="1",
        content_label="SEGMENTATION",
        omit_empty_frames=False,
    )


def _empty_image(plane: ReferencedPlane, shape: tuple[int, ...]) -> Dataset:
    """A minimal single-frame image on one plane of the source, without its other attributes."""
    header = plane.instance
    image = stand_in(header)
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.Rows, image.Columns = shape
    if plane.has_position:
        image.FrameOfReferenceUID = frame_of_reference(header)
        image.ImagePositionPatient = [decimal(n) for n in plane.position or ()]
        image.ImageOrientationPatient = [decimal(n) for n in plane.orientation or ()]
    if plane.spacing is not None:
        image.PixelSpacing = [decimal(n) for n in plane.spacing]
        image.SliceThickness = decimal(plane.thickness or 1.0)
    return image


def _complete(
    dataset: Dataset,
    referenced: tuple[ReferencedPlane, ...],
    planes: Planes,
    description: MaskDescription,
    object_header: ObjectHeader,
) -> None:
    """Adds the attributes of the source, and those that all planes share."""
    header = planes.headers[0]
    object_header.write_to(dataset, header, description)
    object_header.write_content_time(dataset, header)
    dataset.ContentCreatorName = ""
    copy(dataset, header, ("PositionReferenceIndicator", *_LOSSY))
    if not referenced[0].has_position:
        copy(dataset, header, ("PatientOrientation",), empty=True)
    dataset.ReferencedSeriesSequence = referenced_series(planes.instances)
    dataset.SourceImageSequence = [instance(each) for each in planes.instances]
    organization = uid("dimensions", object_header.uid)
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    for index in dataset.DimensionIndexSequence:
        index.DimensionOrganizationUID = organization
    gap = gap_mm(referenced)
    for measures in dataset.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence", ()):
        if gap is not None:
            measures.SpacingBetweenSlices = decimal(gap)
        thickness = referenced[0].thickness or gap or 1.0
        measures.SliceThickness = decimal(thickness)
