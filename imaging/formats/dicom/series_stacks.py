"""The stacks of a series: its frames by size and orientation, then by volume."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.dicom.frame import UNROUNDED_KEY_PARTS, Frame
from imaging.formats.dicom.stack import Stack
from imaging.formats.dicom.volumes import volumes_of

_ALIKE_DEGREES = 0.2
"""Planes whose axes differ by less belong to one stack. It moves a pixel that is 250 mm from the
first one by less than half a mm from its position on the mean orientation."""
_ALIKE_SPACING = 1e-3
"""Pixel spacings that differ by a smaller share are equal: half a pixel over 512."""
_MOST_JOINED = 1000
_PARALLEL_DEGREES = 5.0
_MOST_COMPARED = 50
"""Number of stacks that are compared with each other."""


def stacks_of(frames: Sequence[Frame]) -> list[Stack]:
    """The volumes in the frames of one series: by orientation and size, then by VOLUME_ATTRIBUTES.

    Their order does not depend on the order of the frames. Stacks whose slices lie between those of
    another have a note about it.
    """
    groups: dict[Any, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(frame.key, []).append(frame)
    alike = [groups[key] for key in sorted(groups)]
    return _noted([stack for group in _joined(alike) for stack in volumes_of(group)])


def _joined(groups: list[list[Frame]]) -> list[list[Frame]]:
    """Joins groups whose orientations and spacings differ by the rounding of a scanner alone."""
    if len(groups) > _MOST_JOINED:
        return groups
    joined: list[list[Frame]] = []
    for group in groups:
        near = (one for one in joined if _alike(one[0], group[0]))
        same = next(near, None)
        if same is None:
            joined.append(group)
        else:
            same += group
    return joined


def _alike(one: Frame, other: Frame) -> bool:
    if one.geometry is None or other.geometry is None:
        return False
    if one.key[:UNROUNDED_KEY_PARTS] != other.key[:UNROUNDED_KEY_PARTS]:
        return False
    spacings = zip(one.geometry.spacing, other.geometry.spacing, strict=True)
    even = all(abs(a - b) <= _ALIKE_SPACING * max(a, b) for a, b in spacings)
    return even and one.geometry.degrees_to(other.geometry) <= _ALIKE_DEGREES


def _noted(stacks: list[Stack]) -> list[Stack]:
    """Adds a note to each stack whose slices interleave with those of another."""
    distinct = {_where(stack): stack for stack in stacks if stack.plane is not None}
    notes: dict[Any, str] = {}
    for one, other in combinations(list(distinct.values())[:_MOST_COMPARED], 2):
        if _interleave(one, other):
            for stack in (one, other):
                notes.setdefault(_where(stack), _note(one, other))
    if not notes:
        return stacks
    return [n if n.plane is None else n.with_notes(*_listed(notes.get(_where(n)))) for n in stacks]


def _listed(note: str | None) -> tuple[str, ...]:
    return () if note is None else (note,)


def _where(stack: Stack) -> tuple[Any, ...]:
    """Equal for volumes at the same positions: time points, echoes."""
    normal = np.round(stack.geometry.normal, 3) + 0.0
    return (*normal.tolist(), *np.round(stack.depths, 2).tolist())


def _interleave(one: Stack, other: Stack) -> bool:
    """Whether slices of each lie between slices of the other, in nearly the same direction.

    A single slice interleaves with every other single slice beside it, and with a volume around it.
    """
    cosine = abs(float(one.geometry.normal @ other.geometry.normal))
    if cosine < np.cos(np.deg2rad(_PARALLEL_DEGREES)):
        return False
    first, second = (stack.positions @ one.geometry.normal for stack in (one, other))
    if len(first) == len(second) == 1:
        return bool(abs(first[0] - second[0]) > one.same_mm)
    return all(
        len(these) == 1 or _between(these, those, one.same_mm)
        for these, those in ((first, second), (second, first))
    )


def _between(one: NDArray[np.float64], other: NDArray[np.float64], same_mm: float) -> bool:
    """Whether positions of `other` lie within the extent of `one`, at none of its positions."""
    ordered = np.sort(one)
    inside = other[(other > ordered[0]) & (other < ordered[-1])]
    above = np.searchsorted(ordered, inside)
    nearest = np.minimum(inside - ordered[above - 1], ordered[above] - inside)
    return bool((nearest > same_mm).any())


def _note(one: Stack, other: Stack) -> str:
    where = "The slices of this volume lie between slices of another volume of the series"
    if len(one.frames) == len(other.frames) == 1:
        where = "This volume is a single slice beside another slice of the series"
    return (
        f"{where}, from which {_difference(one, other)}. If they are one acquisition, every volume "
        "lacks slices."
    )


def _difference(one: Stack, other: Stack) -> str:
    first, second = one.frames[0], other.frames[0]
    degrees = one.geometry.degrees_to(other.geometry)
    if first.key[:2] != second.key[:2]:
        return "it differs in the number of rows or columns"
    if degrees > _ALIKE_DEGREES:
        return f"it differs in orientation by {degrees:.2f} degrees"
    if first.key[:UNROUNDED_KEY_PARTS] != second.key[:UNROUNDED_KEY_PARTS]:
        return "it differs in samples per pixel or in the frame of reference"
    if not _alike(first, second):
        return "it differs in pixel spacing"
    names = [stack.label for stack in (one, other) if stack.label]
    return f"an attribute separates it ({' and '.join(names)})" if names else "it was separated"
