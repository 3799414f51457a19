"""Stacks: frames sorted along their normal, and the checks that they form a volume."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadInput, BrokenGeometry
from imaging.formats.dicom.frame import (
    DECIMALS,
    UNROUNDED_KEY_PARTS,
    VOLUME_ATTRIBUTES,
    Frame,
)
from imaging.formats.dicom.plane_geometry import PlaneGeometry

SAME_MM = 1e-3
"""Planes closer than this have the same position."""
STRAY_MM, STRAY = 0.01, 0.02
"""Tolerated distance of a plane from its position at even gaps: the larger of mm and share of the
gap."""
TILT_DEGREES = 0.1
_NEAR = 0.5 * 10**-DECIMALS
"""Orientations and pixel spacings that differ by less are equal up to rounding."""
_MOST_JOINED = 1000
_CLAUSE = "PS3.3, C.7.6.2.1.1, Image Position (Patient)"
_MOST_PAIRED = 8
"""Number of attributes of which pairs are tried."""


class UnevenSlices(BrokenGeometry):
    """Planes that form no regular grid, but can be resampled onto one."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Frames of one orientation, sorted by their position along the normal alone."""

    frames: tuple[Frame, ...]

    @property
    def geometry(self) -> PlaneGeometry:
        """Geometry of the first plane; raises BadInput for an image without a position."""
        return _geometry_of(self.frames[0])

    @property
    def depths(self) -> NDArray[np.float64]:
        """(n,): position of each plane along the normal, mm, ascending."""
        return np.array([_depth(frame) for frame in self.frames])

    @property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3): position of each plane's first pixel, LPS+ mm."""
        return np.array([_geometry_of(frame).position for frame in self.frames])

    @property
    def localizer(self) -> bool:
        """Whether any of its images is a localizer."""
        return any(frame.localizer for frame in self.frames)

    def check(self) -> None:
        """Raises BrokenGeometry for equal positions, UnevenSlices for gaps or a tilt."""
        if len(self.frames) < 2 or self.frames[0].geometry is None:
            return
        gaps = np.diff(self.depths)
        twice = int((gaps < SAME_MM).sum())
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


def stacks_of(frames: Sequence[Frame]) -> list[Stack]:
    """The volumes in the frames of one series: by orientation and size, then by VOLUME_ATTRIBUTES.

    Their order does not depend on the order of the frames.
    """
    groups: dict[Any, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(frame.key, []).append(frame)
    alike = [groups[key] for key in sorted(groups)]
    return [stack for group in _joined(alike) for stack in _volumes(group)]


def _joined(groups: list[list[Frame]]) -> list[list[Frame]]:
    """Joins groups whose keys differ by rounding alone."""
    if len(groups) > _MOST_JOINED:
        return groups
    joined: list[list[Frame]] = []
    for group in groups:
        near = (one for one in joined if _near(one[0], group[0]))
        same = next(near, None)
        if same is None:
            joined.append(group)
        else:
            same += group
    return joined


def _near(one: Frame, other: Frame) -> bool:
    if one.geometry is None or other.geometry is None:
        return False
    if one.key[:UNROUNDED_KEY_PARTS] != other.key[:UNROUNDED_KEY_PARTS]:
        return False
    pair = [frame.geometry.orientation_and_spacing for frame in (one, other) if frame.geometry]
    return bool(np.abs(pair[0] - pair[1]).max() < _NEAR)


def _volumes(frames: list[Frame]) -> list[Stack]:
    """Splits frames of which several have the same position: one stack per volume, in order."""
    if any(frame.geometry is None for frame in frames):
        return [Stack(tuple(same)) for _, same in groupby(frames, key=lambda n: id(n.instance))]
    positions = Counter(round(_depth(frame) / SAME_MM) for frame in frames)
    most = max(positions.values())
    if most == 1:  # echoes may alternate from slice to slice
        return [_sorted(part) for part in _split(frames, ("EchoNumbers",))]
    varying = [
        n for n in VOLUME_ATTRIBUTES if len({frame.volume_attributes[n] for frame in frames}) > 1
    ]
    for names in [*((n,) for n in varying), *combinations(varying[:_MOST_PAIRED], 2)]:
        parts = _split(frames, names)
        if len(parts) == most and all(_at_distinct_positions(part) for part in parts):
            return [_sorted(part) for part in parts]
    return [_sorted(frames)]  # `check` reports what is wrong


def _split(frames: Iterable[Frame], names: tuple[str, ...]) -> list[list[Frame]]:
    parts: dict[tuple[Any, ...], list[Frame]] = {}
    for frame in frames:
        parts.setdefault(tuple(frame.volume_attributes[name] for name in names), []).append(frame)
    return [parts[key] for key in sorted(parts, key=_natural)]


def _natural(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sorts numbers by value, and before text."""
    return tuple(_number(part) for part in key)


def _number(part: Any) -> tuple[int, float, str]:
    try:
        return (0, float(part), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(part))


def _at_distinct_positions(frames: Iterable[Frame]) -> bool:
    depths = np.sort([_depth(frame) for frame in frames])
    return not (np.diff(depths) < SAME_MM).any()


def _sorted(frames: Iterable[Frame]) -> Stack:
    return Stack(tuple(sorted(frames, key=_depth)))


def _depth(frame: Frame) -> float:
    geometry = _geometry_of(frame)
    return float(geometry.position @ geometry.normal)


def _geometry_of(frame: Frame) -> PlaneGeometry:
    if frame.geometry is None:
        raise BadInput(
            "An image has no position in the patient.",
            expected=f"Image Position and Image Orientation ({_CLAUSE}).",
            hint="Export the series again, with its complete header.",
        )
    return frame.geometry


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
    usual = float(np.median(gaps))
    bound = max(STRAY_MM, STRAY * usual)
    if stray <= bound:
        return ""
    if np.abs(gaps - usual).max() <= bound:
        return f"A slice is {stray:.2f} mm away from the line through the first and the last slice."
    for least in (usual, float(gaps.min())):
        missing = np.round(gaps / least - 1)
        whole = np.abs(gaps / least - 1 - missing) <= STRAY * (missing + 1)
        if whole.all() and missing.sum():
            count = int(missing.sum())
            return (
                f"{count} slice{'s are' if count > 1 else ' is'} missing: gaps of "
                f"{gaps.min():.2f} to {gaps.max():.2f} mm, where {least:.2f} is usual."
            )
    return f"The gaps between slices are uneven: {gaps.min():.2f} to {gaps.max():.2f} mm."
