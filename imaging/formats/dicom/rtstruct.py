"""Writes a mask as an RT Structure Set (PS3.3 A.19): closed contours on the source's planes."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.charset import default_encoding
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from imaging.formats.atomic import replacing
from imaging.formats.dicom.color import rgb
from imaging.formats.dicom.contours import polygons
from imaging.formats.dicom.object_header import ObjectHeader, copy, text
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import (
    ReferencedPlane,
    frame_of_reference,
    no_place,
    places,
)
from imaging.formats.dicom.references import image
from imaging.formats.dicom.seg import Numbered, numbering
from imaging.formats.dicom.segments import concept, labelled
from imaging.mask_description import MaskDescription, Segment

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired, which ReferencedSOPClassUID of a study still asks for."""
_STRUCTURES = ("123037004", "91723000")
"""SCT: body structure, anatomical structure."""
_CONTOUR_DATA = Tag("ContourData")


def write_rtstruct(
    path: Path,
    mask: NDArray[Any],
    planes: Planes,
    description: MaskDescription,
    stamp: ObjectHeader,
) -> None:
    """Writes the labels of `mask`, unsigned (planes, rows, columns), one ROI each.

    ROINumber is the label's. Labels that the mask lacks are left out; of an empty mask all are
    listed, without contours. Raises BadRequest where the scan has no place in space, or the mask
    numbers that are no labels.
    """
    found, mask = places(planes), labelled(mask, description)
    header = planes.headers[0]
    if not all(place.solid for place in found):
        raise no_place()
    rois = numbering(mask, description)
    dataset = Dataset()
    stamp.put(dataset, header, description)
    dataset.SOPClassUID, dataset.Modality = RTStructureSetStorage, "RTSTRUCT"
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = frame_of_reference(header)
    copy(dataset, header, ("PositionReferenceIndicator",), empty=True)
    _put_structure_set(dataset, found, description, rois, stamp)
    dataset.ROIContourSequence = [_contours(mask, found, roi) for roi in rois]
    dataset.RTROIObservationsSequence = [_observation(roi.segment) for roi in rois]
    dataset.ApprovalStatus = "UNAPPROVED"
    _save(path, dataset)


def _put_structure_set(
    dataset: Dataset,
    found: Sequence[ReferencedPlane],
    description: MaskDescription,
    rois: Sequence[Numbered],
    stamp: ObjectHeader,
) -> None:
    """C.8.8.5."""
    header = found[0].instance
    dataset.StructureSetLabel = text(description.algorithm, 16)
    dataset.StructureSetName = text(description.algorithm)
    dataset.StructureSetDate, dataset.StructureSetTime = stamp.when(header)
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = header.StudyInstanceUID
    study.RTReferencedSeriesSequence = list(_series(found))
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_of_reference(header)
    frame.RTReferencedStudySequence = [study]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.StructureSetROISequence = [
        _roi(roi.segment, frame_of_reference(header)) for roi in rois
    ]


def _series(found: Sequence[ReferencedPlane]) -> Iterator[Dataset]:
    for number, group in groupby(found, lambda place: place.instance.SeriesInstanceUID):
        item = Dataset()
        item.SeriesInstanceUID = number
        item.ContourImageSequence = [image(place) for place in group]
        yield item


def _roi(segment: Segment, frame_of_reference: str) -> Dataset:
    item = Dataset()
    item.ROINumber = segment.number
    item.ReferencedFrameOfReferenceUID = frame_of_reference
    item.ROIName = _name(segment)
    item.ROIGenerationAlgorithm = "AUTOMATIC"
    return item


def _observation(segment: Segment) -> Dataset:
    """C.8.8.8."""
    item = Dataset()
    item.ObservationNumber = item.ReferencedROINumber = segment.number
    item.ROIObservationLabel = text(_name(segment), 16)
    code = concept(segment.type)
    if segment.modifier is not None:
        code.SegmentedPropertyTypeModifierCodeSequence = [concept(segment.modifier)]
    item.RTROIIdentificationCodeSequence = [code]
    organ = segment.category.scheme == "SCT" and segment.category.value in _STRUCTURES
    item.RTROIInterpretedType = "ORGAN" if organ else ""
    item.ROIInterpreter = ""
    return item


def _contours(mask: NDArray[Any], found: Sequence[ReferencedPlane], roi: Numbered) -> Dataset:
    """C.8.8.6."""
    item = Dataset()
    item.ROIDisplayColor = list(rgb(roi.segment.color))
    item.ReferencedROINumber = roi.segment.number
    contours = [
        _contour(found[plane], points)
        for plane in roi.planes
        for points in polygons(mask[plane] == roi.segment.number)
    ]
    if contours:
        item.ContourSequence = contours
    return item


def _contour(place: ReferencedPlane, points: NDArray[np.float64]) -> Dataset:
    item = Dataset()
    item.ContourImageSequence = [image(place)]
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    value = "\\".join(
        f"{n:.6f}".rstrip("0").rstrip(".") for n in place.world(points).ravel()
    ).encode()
    value += b" " * (len(value) % 2)
    # as bytes, encoded already: one object a number would take longer than all else
    item.set_original_encoding(True, True, default_encoding)
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(value), value, 0, True, True)
    return item


def _name(segment: Segment) -> str:
    return text(segment.name) or f"label {segment.number}"


def _save(path: Path, dataset: Dataset) -> None:
    """Implicit VR: in an explicit one no contour might take more than 64 KiB (PS3.5 7.1.2)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.file_meta = meta
    with replacing(path) as file:
        dcmwrite(file, dataset, enforce_file_format=True)
