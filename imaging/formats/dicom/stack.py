"""Frames that lie one behind the other: sorted, and looked at before they are called a volume."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadInput, BrokenGeometry
from imaging.formats.dicom.frame import KEY_WHOLE, MOMENTS, ROUND, Frame, PlanePosition

SAME_MM = 1e-3
"""Planes nearer than this lie at one place."""
STRAY_MM, STRAY = 0.01, 0.02
"""How far a plane may lie from where even gaps would have it: the greater of mm and share of the
gap."""
TILT_DEGREES = 0.1
_NEAR = 0.5 * 10**-ROUND
"""Of orientation and pixel spacing: what differs by less is the same, and was rounded."""
_MOST_JOINED = 1000
_CLAUSE = "PS3.3, C.7.6.2.1.1, Image Position (Patient)"
_MOST_PAIRED = 8
"""Attributes that are tried two by two."""


class UnevenSlices(BrokenGeometry):
    """Planes that make no grid, but can be resampled onto one."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Frames of one orientation, sorted along their normal, by position and nothing else."""

    frames: tuple[Frame, ...]

    @property
    def place(self) -> PlanePosition:
        """Of the first plane; raises BadInput for a picture, which has none."""
        return _placed(self.frames[0])

    @property
    def depths(self) -> NDArray[np.float64]:
        """(n,): place of each plane along the normal, mm, ascending."""
        return np.array([_depth(frame) for frame in self.frames])

    @property
    def positions(self) -> NDArray[np.float64]:
        """(n, 3): LPS+ mm of each plane's first pixel."""
        return np.array([_placed(frame).position for frame in self.frames])

    @property
    def localizer(self) -> bool:
        return any(frame.localizer for frame in self.frames)

    def check(self) -> None:
        """Raises BrokenGeometry for planes at one place, UnevenSlices for gaps or a tilt."""
        if len(self.frames) < 2 or self.frames[0].place is None:
            return
        gaps = np.diff(self.depths)
        twice = int((gaps < SAME_MM).sum())
        if twice:
            raise BrokenGeometry(
                f"{twice + 1 if twice == 1 else twice} of {len(self.frames)} slices lie at a place "
                "where another lies.",
                expected=f"Each place along the normal once ({_CLAUSE}); several time points or "
                "echoes must be told apart by an attribute.",
                hint="Send one volume, without duplicates.",
            )
        faults = [fault for fault in (_tilt(self), _gaps(gaps, self)) if fault]
        if faults:
            raise UnevenSlices(
                " ".join(faults),
                expected=f"Slices one behind the other at even gaps ({_CLAUSE}).",
                hint="Send the missing slices, or ask for resample=true (--resample): the volume "
                "is then resampled, and its mask brought back to these slices.",
            )


def stacks_of(frames: Sequence[Frame]) -> list[Stack]:
    """The volumes that frames of one series make: by orientation and size, then by moment.

    In whatever order the frames come, the volumes' own is the same.
    """
    groups: dict[Any, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(frame.key, []).append(frame)
    alike = [groups[key] for key in sorted(groups)]
    return [stack for group in _joined(alike) for stack in _moments(group)]


def _joined(groups: list[list[Frame]]) -> list[list[Frame]]:
    """Groups that nothing but the rounding of their key holds apart, together."""
    if len(groups) > _MOST_JOINED:
        return groups
    found: list[list[Frame]] = []
    for group in groups:
        near = (one for one in found if _near(one[0], group[0]))
        same = next(near, None)
        if same is None:
            found.append(group)
        else:
            same += group
    return found


def _near(one: Frame, other: Frame) -> bool:
    if one.place is None or other.place is None or one.key[:KEY_WHOLE] != other.key[:KEY_WHOLE]:
        return False
    return bool(np.abs(one.place.turned - other.place.turned).max() < _NEAR)


def _moments(frames: list[Frame]) -> list[Stack]:
    """Where several frames lie at each place: one stack for each moment, in order."""
    if any(frame.place is None for frame in frames):
        return [Stack(tuple(same)) for _, same in groupby(frames, key=lambda n: id(n.instance))]
    places = Counter(round(_depth(frame) / SAME_MM) for frame in frames)
    most = max(places.values())
    if most == 1:  # not of echoes that take turns
        return [_sorted(part) for part in _parted(frames, ("EchoNumbers",))]
    varying = [n for n in MOMENTS if len({frame.moments[n] for frame in frames}) > 1]
    for names in [*((n,) for n in varying), *combinations(varying[:_MOST_PAIRED], 2)]:
        parts = _parted(frames, names)
        if len(parts) == most and all(_apart(part) for part in parts):
            return [_sorted(part) for part in parts]
    return [_sorted(frames)]  # `check` will say what is wrong


def _parted(frames: Iterable[Frame], names: tuple[str, ...]) -> list[list[Frame]]:
    parts: dict[tuple[Any, ...], list[Frame]] = {}
    for frame in frames:
        parts.setdefault(tuple(frame.moments[name] for name in names), []).append(frame)
    return [parts[key] for key in sorted(parts, key=_natural)]


def _natural(key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Numbers by their size, before words."""
    return tuple(_number(part) for part in key)


def _number(part: Any) -> tuple[int, float, str]:
    try:
        return (0, float(part), "")
    except (TypeError, ValueError):
        return (1, 0.0, str(part))


def _apart(frames: Iterable[Frame]) -> bool:
    depths = np.sort([_depth(frame) for frame in frames])
    return not (np.diff(depths) < SAME_MM).any()


def _sorted(frames: Iterable[Frame]) -> Stack:
    return Stack(tuple(sorted(frames, key=_depth)))


def _depth(frame: Frame) -> float:
    place = _placed(frame)
    return float(place.position @ place.normal)


def _placed(frame: Frame) -> PlanePosition:
    if frame.place is None:
        raise BadInput(
            "An image does not say where it lies in the patient.",
            expected=f"Image Position and Image Orientation ({_CLAUSE}).",
            hint="Export the series again, with its whole header.",
        )
    return frame.place


def _tilt(stack: Stack) -> str:
    """What is wrong where the slices do not lie one behind the other along their normal."""
    way = stack.positions[-1] - stack.positions[0]
    normal = stack.place.normal
    along = float(way @ normal)
    aside = float(np.linalg.norm(way - along * normal))
    angle = math.degrees(math.atan2(aside, along))
    if angle <= TILT_DEGREES:
        return ""
    return (
        f"The gantry was tilted: the slices are set off by {angle:.1f} degrees from their normal, "
        f"{aside:.1f} mm over the volume."
    )


def _gaps(gaps: NDArray[np.float64], stack: Stack) -> str:
    """What is wrong with the gaps between slices, or with one that lies beside the others."""
    positions = stack.positions
    even = np.linspace(positions[0], positions[-1], len(positions))
    stray = float(np.linalg.norm(positions - even, axis=1).max())
    usual = float(np.median(gaps))
    bound = max(STRAY_MM, STRAY * usual)
    if stray <= bound:
        return ""
    if np.abs(gaps - usual).max() <= bound:
        return f"A slice lies {stray:.2f} mm away from the line that the first and the last make."
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
