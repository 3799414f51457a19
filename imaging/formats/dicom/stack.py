"""Stacks: frames sorted along their normal, and the checks that they form a volume."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadInput, BrokenGeometry, UnevenSlices
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.plane_geometry import PlaneGeometry, mean_geometry

_SAME_MM, _SAME = 1e-3, 0.02
"""Planes closer than this have the same position: the larger of mm and share of the pixel size."""
STRAY_MM, STRAY = 0.01, 0.02
"""Tolerated distance of a plane from its position at even gaps: the larger of mm and share of the
gap."""
TILT_DEGREES = 0.1
_ROUNDING_DEGREES = 0.003
"""Orientations that differ by less are equal up to the rounding of cosines with four decimals."""
_CLAUSE = "PS3.3, C.7.6.2.1.1, Image Position (Patient)"


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Frames of one orientation, sorted by their position along the normal alone."""

    frames: tuple[Frame, ...]
    plane: PlaneGeometry | None
    """The first plane, with the mean orientation of all; None for an image without a position."""
    notes: tuple[str, ...] = ()
    """Warnings about how it was separated from its series, without patient data."""
    label: str = ""
    """What tells it from the other volumes of its series, such as `acquisition 2`, or empty."""

    @classmethod
    def of(cls, frames: Iterable[Frame], label: str = "") -> "Stack":
        """Sorts frames; those without a position keep their order."""
        frames = tuple(frames)
        planes = [frame.geometry for frame in frames if frame.geometry is not None]
        if len(planes) < len(frames):
            return cls(frames, None, label=label)
        normal = mean_geometry(planes).normal
        ordered = sorted(frames, key=lambda frame: _depth(frame, normal))
        first = mean_geometry([n.geometry for n in ordered if n.geometry is not None])
        return cls(tuple(ordered), first, label=label)

    def with_notes(self, *notes: str) -> "Stack":
        """The same stack with further warnings."""
        return replace(self, notes=tuple(dict.fromkeys((*self.notes, *notes))))

    @property
    def geometry(self) -> PlaneGeometry:
        """Geometry of the first plane; raises BadInput for an image without a position."""
        if self.plane is None:
            raise BadInput(
                "A DICOM image has no position in the patient.",
                expected=f"Its position and orientation ({_CLAUSE}).",
                hint="Export the series again, with its complete header.",
            )
        return self.plane

    @property
    def depths(self) -> NDArray[np.float64]:
        """(n,): position of each plane along the mean normal, mm, ascending."""
        depths: NDArray[np.float64] = self.positions @ self.geometry.normal
        return depths

    @property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3): position of each plane's first pixel, LPS+ mm."""
        return np.array([n.geometry.position for n in self.frames if n.geometry is not None])

    @property
    def localizer(self) -> bool:
        """Whether any of its images is a localizer."""
        return any(frame.localizer for frame in self.frames)

    @property
    def same_mm(self) -> float:
        """Planes that are closer than this, in mm, have the same position."""
        return max(_SAME_MM, _SAME * min(self.geometry.spacing))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Its notes, and what its slices disagree in."""
        values = dict.fromkeys(n.scale.note for n in self.frames if n.scale.note)
        return (*self.notes, *values, *_orientation_warning(self))

    def check(self) -> None:
        """Raises BrokenGeometry for equal positions, UnevenSlices for gaps or a tilt."""
        if len(self.frames) < 2 or self.plane is None:
            return
        gaps = np.diff(self.depths)
        twice = int((gaps < self.same_mm).sum())
        if twice:
            raise BrokenGeometry(
                f"{twice + 1 if twice == 1 else twice} of {len(self.frames)} slices have the same "
                "position as another slice.",
                expected=f"One slice per position along the normal ({_CLAUSE}). Several time "
                "points or echoes must differ in an attribute.",
                hint="Send one volume, without duplicates.",
            )
        faults = [fault for fault in (_tilt(self), _gaps(gaps, self)) if fault]
        if faults:
            raise UnevenSlices(
                " ".join(faults),
                expected=f"Evenly spaced slices on a straight line along their normal ({_CLAUSE}).",
                hint="Send the missing slices, or have the volume resampled: with the button on "
                "the page, resample=true in the API, or --resample on the command line. A DICOM "
                "mask is mapped back to the original slices.",
            )

    @property
    def is_volume(self) -> bool:
        """Whether `check` raises nothing."""
        try:
            self.check()
        except BrokenGeometry:
            return False
        return True


def _depth(frame: Frame, normal: NDArray[np.float64]) -> float:
    return 0.0 if frame.geometry is None else float(frame.geometry.position @ normal)


def _orientation_warning(stack: Stack) -> tuple[str, ...]:
    """Says by how much the slices are turned against their mean, where it is more than rounding."""
    mean = stack.plane
    planes = [n.geometry for n in stack.frames if n.geometry is not None]
    if mean is None or not planes:
        return ()
    degrees = max(plane.degrees_to(mean) for plane in planes)
    if degrees < _ROUNDING_DEGREES:
        return ()
    differ = f"The orientations of the slices differ by up to {degrees:.4f} degrees from their"
    return (f"{differ} mean, which is used.",)


def _tilt(stack: Stack) -> str:
    """The problem of slices that are not in line along their normal; "" for none."""
    way = stack.positions[-1] - stack.positions[0]
    normal = stack.geometry.normal
    along = float(way @ normal)
    aside = float(np.linalg.norm(way - along * normal))
    angle = math.degrees(math.atan2(aside, along))
    if angle <= TILT_DEGREES:
        return ""
    return (
        f"The gantry was tilted: the slices are offset by {angle:.1f} degrees from their normal, "
        f"{aside:.1f} mm over the volume."
    )


def _gaps(gaps: NDArray[np.float64], stack: Stack) -> str:
    """The problem of uneven gaps, or of a slice beside the others; "" for none."""
    positions = stack.positions
    even = np.linspace(positions[0], positions[-1], len(positions))
    stray = float(np.linalg.norm(positions - even, axis=1).max())
    usual = _usual(gaps)
    bound = max(STRAY_MM, STRAY * usual)
    if stray <= bound:
        return ""
    if np.abs(gaps - usual).max() <= bound:
        return f"A slice is {stray:.2f} mm away from the line through the first and the last slice."
    missing = np.round(gaps / usual - 1)
    whole = np.abs(gaps / usual - 1 - missing) <= STRAY * (missing + 1)
    if whole.all() and missing.sum():
        count = int(missing.sum())
        return (
            f"{count} slice{'s are' if count > 1 else ' is'} missing: gaps of "
            f"{gaps.min():.2f} to {gaps.max():.2f} mm, where {usual:.2f} is usual."
        )
    return (
        f"The gaps between slices are uneven: {gaps.min():.2f} to {gaps.max():.2f} mm, where "
        f"{usual:.2f} is usual."
    )


def _usual(gaps: NDArray[np.float64]) -> float:
    """The most frequent gap, mm: the mean of the largest group of equal ones.

    Of groups of the same size, the one with the smaller gaps: more slices are missing then.
    """
    ordered = np.sort(gaps)
    steps = np.diff(ordered) > np.maximum(STRAY_MM, STRAY * ordered[:-1])
    groups = np.split(ordered, np.flatnonzero(steps) + 1)
    return float(max(groups, key=len).mean())
