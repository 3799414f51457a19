"""Measurement groups of what a reader drew (PS3.16, TID 1410 for regions, else TID 1501).

A volume's points are in the patient's space (SCOORD3D, PS3.3 C.18.9); those of an image are in its
pixels (SCOORD, C.18.6), where the first pixel's centre is (0.5, 0.5).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from highdicom.sr import (
    CoordinatesForMeasurement,
    CoordinatesForMeasurement3D,
    ImageRegion,
    ImageRegion3D,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForRegion,
    TrackingIdentifier,
)
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as Known

from imaging.formats.dicom.object_header import text
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.referenced_plane import frame_of_reference, referenced_planes
from imaging.formats.dicom.uids import uid
from imaging.reader_measurements.measurement import MeasurementKind
from imaging.reader_measurements.review_measurements import ReadMeasurement, ReviewMeasurements

_SIZES = {
    MeasurementKind.LENGTH: codes.SCT.Length,
    MeasurementKind.ANGLE: codes.SCT.Angle,
    MeasurementKind.RECTANGLE: codes.SCT.Area,
    MeasurementKind.ELLIPSE: codes.SCT.Area,
}
PIXELS = Known("{pixels}", "UCUM", "pixels")
_UNITS = {
    "mm": codes.UCUM.Millimeter,
    "mm2": codes.UCUM.SquareMillimeter,
    "px": PIXELS,
    "px2": PIXELS,
    "degrees": codes.UCUM.Degree,
}
_VALUES = {
    "MR": codes.DCM.MRSignalIntensity,
    "CR": codes.DCM.XRayAttenuation,
    "DX": codes.DCM.XRayAttenuation,
}
"""Modality -> what a voxel's value is (CID 7469), without a unit."""
_OTHER_VALUE = Known("pixel-value", "99TESSERA", "Pixel value")
_ATTENUATION = (codes.DCM.AttenuationCoefficient, Known("[hnsf'U]", "UCUM", "Hounsfield unit"))
"""What a voxel's value in HU is, and its unit."""
_DERIVATIONS = {
    "mean": codes.SCT.Mean,
    "sd": codes.SCT.StandardDeviation,
    "minimum": codes.SCT.Minimum,
    "maximum": codes.SCT.Maximum,
}
"""Field of `Statistics` -> Derivation (CID 7464)."""
_GRAPHICS = {
    MeasurementKind.LENGTH: "POLYLINE",
    MeasurementKind.ANGLE: "POLYLINE",
    MeasurementKind.PROBE: "POINT",
}

Group = PlanarROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations


def person(reader: str) -> ObserverContext | None:
    """The reader as an observer (TID 1003); None without a name."""
    name = text(reader.translate(str.maketrans("^=", "  ")))
    if not name:
        return None
    return ObserverContext(codes.DCM.Person, PersonObserverIdentifyingAttributes(name))


def groups(of_reader: ReviewMeasurements, planes: Planes) -> Iterator[Group]:
    """The group of each measurement that has a number, in the order in which they were drawn."""
    maker = _Groups(of_reader.review, planes)
    return (maker.group(one) for one in of_reader.measurements if one.has_number)


class _Groups:
    """Builds the group of each measurement."""

    def __init__(self, review: str, planes: Planes) -> None:
        header = planes.headers[0]
        self._review = review
        self._frame_of_reference = frame_of_reference(header)
        self._value = _VALUES.get(str(header.get("Modality")), _OTHER_VALUE)
        self._plane = referenced_planes(planes)[0]

    def group(self, one: ReadMeasurement) -> Group:
        """The group of one measurement."""
        drawn = one.measurement
        tracking = TrackingIdentifier(
            uid("reader measurement", self._review, drawn.id), text(drawn.name)
        )
        if drawn.kind.is_region:
            return PlanarROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=tracking,
                referenced_region=self._region(one),
                measurements=[*self._size(one), *self._statistics(one)],
            )
        return MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking,
            measurements=[*self._size(one), *self._probe(one)],
        )

    def _size(self, one: ReadMeasurement) -> Iterator[Measurement]:
        drawn = one.measurement
        if drawn.size is None:
            return
        where = None if drawn.kind.is_region else [self._points(one)]
        name, unit = _SIZES[drawn.kind], _UNITS[drawn.unit]
        yield Measurement(name, drawn.size, unit, referenced_coordinates=where)

    def _statistics(self, one: ReadMeasurement) -> Iterator[Measurement]:
        for field, derivation in _DERIVATIONS.items():
            value = getattr(one.statistics, field)
            if value is not None:
                name, unit = self._quantity(one)
                yield Measurement(name, value, unit, derivation=derivation)

    def _probe(self, one: ReadMeasurement) -> Iterator[Measurement]:
        if one.measurement.kind is not MeasurementKind.PROBE or one.statistics is None:
            return
        if (value := one.statistics.mean) is not None:
            (name, unit), where = self._quantity(one), [self._points(one)]
            yield Measurement(name, value, unit, referenced_coordinates=where)

    def _quantity(self, one: ReadMeasurement) -> tuple[Known, Known]:
        """What the values of the scan are, and their unit."""
        return _ATTENUATION if one.value_unit else (self._value, codes.UCUM.NoUnits)

    def _points(
        self, one: ReadMeasurement
    ) -> CoordinatesForMeasurement | CoordinatesForMeasurement3D:
        kind = _GRAPHICS[one.measurement.kind]
        if not one.is_image:
            return CoordinatesForMeasurement3D(kind, _lps(one), self._frame_of_reference)
        image = SourceImageForRegion(*self._image())
        return CoordinatesForMeasurement(kind, _pixels(one), image)

    def _region(self, one: ReadMeasurement) -> ImageRegion | ImageRegion3D:
        at = _pixels(one) if one.is_image else _lps(one)
        if one.measurement.kind is MeasurementKind.ELLIPSE:
            kind, at = "ELLIPSE", _major_first(at)
        else:
            kind = "POLYLINE" if one.is_image else "POLYGON"
            at = np.vstack([at, at[:1]])
        if not one.is_image:
            return ImageRegion3D(kind, at, self._frame_of_reference)
        return ImageRegion(kind, at, SourceImageForRegion(*self._image()))

    def _image(self) -> tuple[Any, ...]:
        instance, frame = self._plane.instance, self._plane.frame
        frames = None if frame is None else [frame]
        return str(instance.SOPClassUID), str(instance.SOPInstanceUID), frames


def _lps(one: ReadMeasurement) -> NDArray[np.float64]:
    """Points (n, 3) in DICOM's patient space."""
    return np.array(one.measurement.points) * (-1.0, -1.0, 1.0)


def _pixels(one: ReadMeasurement) -> NDArray[np.float64]:
    """Points (n, 2), column and row."""
    return np.array(one.measurement.points)[:, :2] + 0.5


def _major_first(ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ends of the longer axis, then of the other (C.18.6.1.2)."""
    first, second = ends[:2], ends[2:]
    shorter = np.ptp(first, 0) @ np.ptp(first, 0) < np.ptp(second, 0) @ np.ptp(second, 0)
    return np.vstack([second, first] if shorter else [first, second])
