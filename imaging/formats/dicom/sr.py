"""Writes the measurements of a mask as a Structured Report (PS3.16, TID 1500).

Each label with voxels is a measurement group of its segment in a SEG: TID 1411 with the volume, or
for an image TID 1410 with the area. A label without voxels has no segment to refer to: TID 1501
with a size of 0 states that it was searched for and not found. The SEG is the BINARY one of the
same mask; its UID is known before it is written. What a reader drew follows it
(`sr_reader_measurements.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    ReferencedSegment,
    ReferencedSegmentationFrame,
    SourceImageForSegmentation,
    SourceSeriesForSegmentation,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom import Dataset, dcmwrite
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as Known
from pydicom.uid import SegmentationStorage

from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.dicom.object_header import MANUFACTURER, ObjectHeader, made_by, text
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import ReferencedPlane, referenced_planes
from imaging.formats.dicom.seg import NumberedSegment
from imaging.formats.dicom.segments import concept, ordered
from imaging.formats.dicom.sr_reader_measurements import PIXELS, person
from imaging.formats.dicom.sr_reader_measurements import groups as drawn
from imaging.formats.dicom.stand_in import stand_in
from imaging.formats.dicom.uids import uid
from imaging.mask_description import MaskDescription, Segment
from imaging.reader_measurements.review_measurements import ReviewMeasurements

_SIZES = (
    ("volume_ml", codes.SCT.Volume, Known("ml", "UCUM", "Milliliter")),
    ("area_mm2", codes.SCT.Area, codes.UCUM.SquareMillimeter),
    ("area_px", codes.SCT.Area, PIXELS),
)
"""Field of a measurement row, quantity and unit; the first field that a row has is reported."""
_PROCEDURES = {
    "CT": codes.LN.CTUnspecifiedBodyRegion,
    "MR": codes.LN.MRIUnspecifiedBodyRegion,
    "CR": codes.LN.XRUnspecifiedBodyRegion,
    "DX": codes.LN.XRUnspecifiedBodyRegion,
    "PT": codes.LN.PETUnspecifiedBodyRegion,
    "NM": codes.LN.NMUnspecifiedBodyRegion,
}
"""Modality -> ProcedureReported (CID 100)."""

Group = (
    VolumetricROIMeasurementsAndQualitativeEvaluations
    | PlanarROIMeasurementsAndQualitativeEvaluations
    | MeasurementsAndQualitativeEvaluations
)


def write_sr(
    path: Path,
    measurements: Mapping[str, Any],
    segments: Sequence[NumberedSegment],
    planes: Planes,
    description: MaskDescription,
    object_header: ObjectHeader,
    seg: ObjectHeader,
    of_reader: ReviewMeasurements | None = None,
) -> None:
    """Writes the report; `segments` are those of the BINARY SEG that `seg` names.

    `measurements` is that of a job's report, with one row per label under `labels`. `of_reader`:
    what a reader measured, who is then an observer, too. Raises BadRequest where a label has no
    size.
    """
    sizes = {int(row["value"]): row for row in measurements.get("labels") or ()}
    held = {item.segment.number: item for item in segments}
    maker = _Groups(planes, description, seg)
    sizes_of_labels = [
        maker.group(segment, held.get(segment.number), _size(sizes.get(segment.number)))
        for segment in ordered(description)
    ]
    header = planes.headers[0]
    dataset = Comprehensive3DSR(
        evidence=[_seg_stand_in(header, seg), *map(stand_in, planes.instances)],
        content=_content(sizes_of_labels, planes, description, of_reader),
        series_instance_uid=object_header.series_uid,
        series_number=object_header.series_number,
        sop_instance_uid=object_header.uid,
        instance_number=1,
        manufacturer=MANUFACTURER,
        is_complete=True,
    )
    object_header.write_to(dataset, header, description)
    object_header.write_content_time(dataset, header)
    with replacing(path) as file:
        dcmwrite(file, dataset, enforce_file_format=True)


def _content(
    sizes: Sequence[Group],
    planes: Planes,
    description: MaskDescription,
    of_reader: ReviewMeasurements | None,
) -> MeasurementReport:
    """The report (TID 1500) of the labels' groups and of what a reader measured."""
    modality = str(planes.headers[0].get("Modality"))
    return MeasurementReport(
        observation_context=ObservationContext(
            observer_person_context=person(of_reader.reader) if of_reader else None,
            observer_device_context=_device(description),
        ),
        procedure_reported=_PROCEDURES.get(modality, codes.SCT.ImagingProcedure),
        imaging_measurements=[*sizes, *(drawn(of_reader, planes) if of_reader else ())],
    )


class _Groups:
    """Builds the measurement group of each label."""

    def __init__(self, planes: Planes, description: MaskDescription, seg: ObjectHeader) -> None:
        self._header = planes.headers[0]
        self._planes = referenced_planes(planes)
        self._seg = seg
        self._algorithm = _algorithm(description)

    def group(self, segment: Segment, held: NumberedSegment | None, size: Measurement) -> Group:
        """The measurement group of a label (PS3.16, TID 1411, 1410 or 1501).

        `held`: its segment in the Segmentation; None if the label has no voxel.
        """
        name = text(segment.name) or f"label {segment.number}"
        facts: dict[str, Any] = {
            "tracking_identifier": TrackingIdentifier(
                uid=self._seg.tracking_uid(segment.number), identifier=name
            ),
            "finding_type": concept(segment.type),
            "finding_category": concept(segment.category),
            "algorithm_id": self._algorithm,
            "measurements": [size],
        }
        if held is None or not size.value:
            return MeasurementsAndQualitativeEvaluations(**facts)
        if len(self._planes) == 1 and not self._planes[0].has_position:
            return PlanarROIMeasurementsAndQualitativeEvaluations(
                referenced_segment=self._frame(held.number, self._planes[0]), **facts
            )
        return VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=self._segment(held.number), **facts
        )

    def _segment(self, number: int) -> ReferencedSegment:
        return ReferencedSegment(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=self._seg.uid,
            segment_number=number,
            source_series=SourceSeriesForSegmentation(str(self._header.SeriesInstanceUID)),
        )

    def _frame(self, number: int, plane: ReferencedPlane) -> ReferencedSegmentationFrame:
        frame = ReferencedSegmentationFrame(
            sop_class_uid=SegmentationStorage,
            sop_instance_uid=self._seg.uid,
            frame_number=number,  # each segment of an image has one frame
            segment_number=number,
            source_image=SourceImageForSegmentation(
                str(plane.instance.SOPClassUID),
                str(plane.instance.SOPInstanceUID),
                None if plane.frame is None else [plane.frame],
            ),
        )
        del (
            frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber
        )  # never beside a frame's, C.18.4
        return frame


def _size(row: Mapping[str, Any] | None) -> Measurement:
    for field, name, unit in _SIZES:
        if row is not None and row.get(field) is not None:
            return Measurement(name=name, value=float(row[field]), unit=unit)
    raise BadRequest(
        "The report does not measure every label of the model.",
        expected="A volume or an area for each label.",
        hint="Run the job again, or fetch the report as json.",
    )


def _algorithm(description: MaskDescription) -> AlgorithmIdentification | None:
    """The network; None for a mask that no network made."""
    if description.supplied:
        return None
    return AlgorithmIdentification(
        name=text(description.algorithm),
        version=text(description.version),
        manufacturer=MANUFACTURER,
    )


def _device(description: MaskDescription) -> ObserverContext:
    name, its_version = made_by(description)
    return ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=uid("device", name, its_version),
            name=text(name),
            manufacturer_name=MANUFACTURER,
            model_name=text(f"{name} {its_version}"),
        ),
    )


def _seg_stand_in(header: Dataset, seg: ObjectHeader) -> Dataset:
    item = stand_in(header)
    item.SOPClassUID, item.SOPInstanceUID = SegmentationStorage, seg.uid
    item.SeriesInstanceUID = seg.series_uid
    return item
