"""An image plane that an object refers to: its instance, frame and position."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.valuerep import DSfloat

from imaging.errors import BadRequest
from imaging.formats.dicom.functional_groups import attribute
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.uids import single_uid, uid


@dataclass(frozen=True, slots=True, eq=False)
class ReferencedPlane:
    """One image plane, with the values of its attributes of PS3.3 C.7.6.2 and C.7.6.16.2."""

    instance: Dataset
    """Header of the instance."""
    frame: int | None
    """ReferencedFrameNumber, from 1; None where the instance has no frames."""
    position: tuple[float, ...] | None
    """ImagePositionPatient: centre of the first voxel, LPS+ mm."""
    orientation: tuple[float, ...] | None
    """ImageOrientationPatient: along a row, then along a column."""
    spacing: tuple[float, ...] | None
    """PixelSpacing: between rows, then between columns, mm."""
    thickness: float | None
    """SliceThickness, mm."""

    @property
    def has_position(self) -> bool:
        """Whether the plane's position in the patient is known."""
        return None not in (self.position, self.orientation, self.spacing)

    def world(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(row, column) -> LPS+ mm; (0, 0) is the centre of the first voxel (C.7.6.2.1.1)."""
        if self.position is None or self.orientation is None or self.spacing is None:
            raise no_position()
        along = np.array(self.orientation).reshape(2, 3)
        rows, columns = points[:, :1] * self.spacing[0], points[:, 1:] * self.spacing[1]
        lps: NDArray[np.float64] = np.array(self.position) + columns * along[0] + rows * along[1]
        return lps


def referenced_planes(planes: Planes) -> tuple[ReferencedPlane, ...]:
    """Every plane, with its position."""
    return tuple(_referenced(planes.headers[header], frame) for header, frame in planes.frames)


def no_position() -> BadRequest:
    """The error of results that need positions of planes."""
    return BadRequest(
        "The DICOM scan has no position in the patient's space.",
        expected="Planes with position, orientation and pixel spacing (PS3.3 C.7.6.2).",
        hint="Fetch the mask as dicom-seg, nifti or png.",
    )


def frame_of_reference(header: Dataset) -> str:
    """FrameOfReferenceUID; a series without one gets a UID derived from its own."""
    given = single_uid(header, "FrameOfReferenceUID")
    return str(given or uid("frame of reference", str(header.SeriesInstanceUID)))


def decimal(number: float) -> DSfloat:
    """A number as a value of VR DS, rounded to its 16 characters (PS3.5 6.2)."""
    return DSfloat(number, auto_format=True)


def gap_mm(planes: tuple[ReferencedPlane, ...]) -> float | None:
    """The distance between neighbouring planes along the normal, in mm; None if they differ."""
    if len(planes) < 2 or not all(plane.has_position for plane in planes):
        return None
    along = np.array(planes[0].orientation).reshape(2, 3)
    depth = np.array([plane.position for plane in planes]) @ np.cross(along[0], along[1])
    gaps = np.abs(np.diff(depth))
    return float(gaps.mean()) if np.ptp(gaps) <= _EVEN * gaps.mean() else None


_EVEN = 0.01
"""Gaps count as equal if they differ by at most this share of their mean."""


def _referenced(header: Dataset, frame: int) -> ReferencedPlane:
    return ReferencedPlane(
        instance=header,
        frame=frame + 1 if _has_frames(header) else None,
        position=_numbers(attribute(header, frame, "ImagePositionPatient"), 3),
        orientation=_numbers(attribute(header, frame, "ImageOrientationPatient"), 6),
        spacing=_numbers(attribute(header, frame, "PixelSpacing"), 2),
        thickness=_number(attribute(header, frame, "SliceThickness")),
    )


def _has_frames(header: Dataset) -> bool:
    """Whether frames have numbers; single-frame classes may state NumberOfFrames 1 as well."""
    return (
        "PerFrameFunctionalGroupsSequence" in header or int(header.get("NumberOfFrames") or 1) > 1
    )


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    try:
        numbers = tuple(float(n) for n in value)
    except (TypeError, ValueError):
        return None
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else None


def _number(value: Any) -> float | None:
    numbers = _numbers((value,), 1)
    return numbers[0] if numbers else None
