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
from imaging.formats.dicom.object_header import SUPPLIED, ObjectHeader, copy, text
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import (
    ReferencedPlane,
    frame_of_reference,
    no_position,
    referenced_planes,
)
from imaging.formats.dicom.references import image
from imaging.formats.dicom.seg import NumberedSegment, numbered_segments
from imaging.formats.dicom.segments import algorithm_type, concept, labelled
from imaging.mask_description import MaskDescription, Segment

_STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"
"""Detached Study Management, retired; ReferencedSOPClassUID of a study still requires it."""
_STRUCTURES = ("123037004", "91723000")
"""SNOMED CT codes: body structure, anatomical structure."""
_CONTOUR_DATA = Tag("ContourData")


def write_rtstruct(
    path: Path,
    mask: NDArray[Any],
    planes: Planes,
    description: MaskDescription,
    object_header: ObjectHeader,
) -> None:
    """Writes the labels of `mask`, unsigned (planes, rows, columns), as one ROI each.

    ROINumber is the label's value. Labels without voxels are left out; an empty mask lists every
    label, without contours. Raises BadRequest where the scan has no position in space, or the mask
    has numbers that are not labels.
    """
    referenced, mask = referenced_planes(planes), labelled(mask, description)
    header = planes.headers[0]
    if not all(plane.has_position for plane in referenced):
        raise no_position()
    rois = numbered_segments(mask, description)
    dataset = Dataset()
    object_header.write_to(dataset, header, description)
    dataset.SOPClassUID, dataset.Modality = RTStructureSetStorage, "RTSTRUCT"
    dataset.OperatorsName = ""
    dataset.FrameOfReferenceUID = frame_of_reference(header)
    copy(dataset, header, ("PositionReferenceIndicator",), empty=True)
    _write_structure_set(dataset, referenced, description, rois, object_header)
    dataset.ROIContourSequence = [_contours(mask, referenced, roi) for roi in rois]
    dataset.RTROIObservationsSequence = [_observation(roi.segment) for roi in rois]
    dataset.ApprovalStatus = "UNAPPROVED"
    _save(path, dataset)


def _write_structure_set(
    dataset: Dataset,
    referenced: Sequence[ReferencedPlane],
    description: MaskDescription,
    rois: Sequence[NumberedSegment],
    object_header: ObjectHeader,
) -> None:
    """The Structure Set module (PS3.3 C.8.8.5)."""
    header = referenced[0].instance
    title = SUPPLIED if description.supplied else description.algorithm
    dataset.StructureSetLabel = text(title, 16)
    dataset.StructureSetName = text(title)
    dataset.StructureSetDate, dataset.StructureSetTime = object_header.date_and_time(header)
    study = Dataset()
    study.ReferencedSOPClassUID = _STUDY_CLASS
    study.ReferencedSOPInstanceUID = header.StudyInstanceUID
    study.RTReferencedSeriesSequence = list(_series(referenced))
    frame = Dataset()
    frame.FrameOfReferenceUID = frame_of_reference(header)
    frame.RTReferencedStudySequence = [study]
    dataset.ReferencedFrameOfReferenceSequence = [frame]
    dataset.StructureSetROISequence = [
        _roi(roi.segment, frame_of_reference(header), description) for roi in rois
    ]


def _series(referenced: Sequence[ReferencedPlane]) -> Iterator[Dataset]:
    for number, group in groupby(referenced, lambda plane: plane.instance.SeriesInstanceUID):
        item = Dataset()
        item.SeriesInstanceUID = number
        images = {(str(n.instance.SOPInstanceUID), n.frame): n for n in group}
        item.ContourImageSequence = [image(plane) for plane in images.values()]
        yield item


def _roi(segment: Segment, frame_of_reference: str, description: MaskDescription) -> Dataset:
    item = Dataset()
    item.ROINumber = segment.number
    item.ReferencedFrameOfReferenceUID = frame_of_reference
    item.ROIName = _name(segment)
    item.ROIGenerationAlgorithm = algorithm_type(description)
    return item


def _observation(segment: Segment) -> Dataset:
    """An item of RTROIObservationsSequence (PS3.3 C.8.8.8)."""
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


def _contours(
    mask: NDArray[Any], referenced: Sequence[ReferencedPlane], roi: NumberedSegment
) -> Dataset:
    """An item of ROIContourSequence (PS3.3 C.8.8.6)."""
    item = Dataset()
    item.ROIDisplayColor = list(rgb(roi.segment.color))
    item.ReferencedROINumber = roi.segment.number
    contours = [
        _contour(referenced[plane], points)
        for plane in roi.planes
        for points in polygons(mask[plane] == roi.segment.number)
    ]
    if contours:
        item.ContourSequence = contours
    return item


def _contour(plane: ReferencedPlane, points: NDArray[np.float64]) -> Dataset:
    item = Dataset()
    item.ContourImageSequence = [image(plane)]
    item.ContourGeometricType = "CLOSED_PLANAR"
    item.NumberOfContourPoints = len(points)
    value = "\\".join(
        f"{n:.6f}".rstrip("0").rstrip(".") for n in plane.world(points).ravel()
    ).encode()
    value += b" " * (len(value) % 2)
    # encoded here: pydicom's object for each number would take longer than everything else
    item.set_original_encoding(True, True, default_encoding)
    item[_CONTOUR_DATA] = RawDataElement(_CONTOUR_DATA, "DS", len(value), value, 0, True, True)
    return item


def _name(segment: Segment) -> str:
    return text(segment.name) or f"label {segment.number}"


def _save(path: Path, dataset: Dataset) -> None:
    """Saves with implicit VR: explicit VR limits a contour to 64 KiB (PS3.5 7.1.2)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.file_meta = meta
    with replacing(path) as file:
        dcmwrite(file, dataset, enforce_file_format=True)
