"""Writes a mask as a DICOM Segmentation (PS3.3 A.51 and A.93), voxel for voxel on its planes.

highdicom makes the object for one plane; the other planes' frames, which may be tens of thousands,
are then written straight into the file.

Of a BINARY object, segments that the mask lacks are left out, and so are a segment's empty frames:
OHIF and dcmqi stumble over segments without frames, and frames without voxels cost room. Segments
are numbered from 1 without gaps, as PS3.3 C.8.20.2 asks. An empty mask lists all segments, with
one empty frame each: "looked for, not found". A LABELMAP keeps the mask's own numbers, all segments
and all planes.
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

from imaging.formats.dicom.object_header import MANUFACTURER, PATIENT, STUDY, ObjectHeader, copy
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import (
    ReferencedPlane,
    decimal,
    frame_of_reference,
    gap_mm,
    no_place,
    places,
)
from imaging.formats.dicom.references import instance, referenced_series
from imaging.formats.dicom.seg_frames import SegFrame, write_with_frames
from imaging.formats.dicom.segments import labelled, ordered, presence, segment_description
from imaging.formats.dicom.uids import uid
from imaging.mask_description import MaskDescription, Segment

Kind = Literal["BINARY", "LABELMAP"]
_LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


@dataclass(frozen=True, slots=True)
class Numbered:
    """A segment as the object numbers it."""

    number: int
    """SegmentNumber."""
    segment: Segment
    planes: tuple[int, ...]
    """Where it has frames."""


def write_seg(
    path: Path,
    mask: NDArray[Any],
    planes: Planes,
    description: MaskDescription,
    kind: Kind,
    stamp: ObjectHeader,
) -> None:
    """Writes `mask`, unsigned (planes, rows, columns), as one SEG instance.

    Raises BadRequest for numbers that are no labels, for several planes that have no place in
    space, and for more frames than one file can hold.
    """
    found, mask = places(planes), labelled(mask, description)
    if len(found) > 1 and not all(place.solid for place in found):
        raise no_place()
    segments = numbering(mask, description)
    if kind == "BINARY":
        frames = [
            SegFrame(n, p, s.segment.number) for n, s in enumerate(segments) for p in s.planes
        ]
    else:
        segments = tuple(Numbered(s.number, s, ()) for s in ordered(description))
        frames = [SegFrame(0, plane, None) for plane in range(len(mask))]
    dataset = _first_plane(found[0], mask.shape[1:], segments, description, kind, stamp)
    _complete(dataset, found, planes, description, stamp)
    write_with_frames(path, dataset, mask, found, frames)


def numbering(mask: NDArray[Any], description: MaskDescription) -> tuple[Numbered, ...]:
    """The segments of a BINARY object of the mask, (planes, rows, columns), in their order."""
    segments = ordered(description)
    held = presence(labelled(mask, description), segments)
    if not held.any():
        held[0] = True
    kept = [n for n in range(len(segments)) if held[:, n].any()]
    return tuple(
        Numbered(number, segments[n], tuple(int(p) for p in np.flatnonzero(held[:, n])))
        for number, n in enumerate(kept, 1)
    )


def _first_plane(
    place: ReferencedPlane,
    shape: tuple[int, ...],
    segments: Sequence[Numbered],
    description: MaskDescription,
    kind: Kind,
    stamp: ObjectHeader,
) -> Segmentation:
    """The object as highdicom makes it of one empty plane: an empty frame for each segment."""
    return Segmentation(
        source_images=[_stand_in(place, shape)],
        pixel_array=np.zeros((1, *shape), np.uint8),
        segmentation_type=kind,
        segment_descriptions=[
            segment_description(
                s.number, s.segment, description, stamp.tracking_uid(s.segment.number)
            )
            for s in segments
        ],
        series_instance_uid=stamp.series_uid,
        series_number=stamp.series_number,
        sop_instance_uid=stamp.uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=MANUFACTURER,
        software_versions="1",
        device_serial_number="1",
        content_label="SEGMENTATION",
        omit_empty_frames=False,
    )


def _stand_in(place: ReferencedPlane, shape: tuple[int, ...]) -> Dataset:
    """A single-frame image on one plane of the source, with neither its patient nor its quirks."""
    image, header = Dataset(), place.instance
    for keyword in (*PATIENT, *STUDY):
        setattr(image, keyword, "")
    image.SOPClassUID = SecondaryCaptureImageStorage
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(image, keyword, header[keyword].value)
    image.Rows, image.Columns = shape
    if place.solid:
        image.FrameOfReferenceUID = frame_of_reference(header)
        image.ImagePositionPatient = [decimal(n) for n in place.position or ()]
        image.ImageOrientationPatient = [decimal(n) for n in place.orientation or ()]
    if place.spacing is not None:
        image.PixelSpacing = [decimal(n) for n in place.spacing]
        image.SliceThickness = decimal(place.thickness or 1.0)
    return image


def _complete(
    dataset: Dataset,
    found: tuple[ReferencedPlane, ...],
    planes: Planes,
    description: MaskDescription,
    stamp: ObjectHeader,
) -> None:
    """What holds for all planes, and what the source says of itself."""
    header = planes.headers[0]
    stamp.put(dataset, header, description)
    stamp.put_content_time(dataset, header)
    dataset.ContentCreatorName = ""
    copy(dataset, header, ("PositionReferenceIndicator", *_LOSSY))
    if not found[0].solid:
        copy(dataset, header, ("PatientOrientation",), empty=True)
    dataset.ReferencedSeriesSequence = referenced_series(planes.headers)
    dataset.SourceImageSequence = [instance(each) for each in planes.headers]
    organization = uid("dimensions", stamp.uid)
    dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID = organization
    for index in dataset.DimensionIndexSequence:
        index.DimensionOrganizationUID = organization
    gap = gap_mm(found)
    for measures in dataset.SharedFunctionalGroupsSequence[0].get("PixelMeasuresSequence", ()):
        if gap is not None:
            measures.SpacingBetweenSlices = decimal(gap)
        thickness = found[0].thickness or gap or 1.0
        measures.SliceThickness = decimal(thickness)
