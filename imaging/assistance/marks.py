"""Marks of a request: the label in a box and the strokes on it, and the changes of the answer.

Both are runs of voxels as in `imaging.voxel_runs`, on the grid of the mask as NIfTI. The value of a
run in a request is one of `Mark`, whatever the label's number is. In an answer, it is 1 for voxels
that get the label and 0 for those that lose it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import prod

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge
from imaging.voxel_runs import RunRules, checked_totals, pack_runs, read_runs

_OVERLAPS = 4
"""How often the runs of a request may cover the voxels of its box, on average."""


class Mark(IntEnum):
    """What a run of a request says of its voxels."""

    LABEL = 1
    """They have the label now."""
    FOREGROUND = 2
    """A stroke: they belong to the label."""
    BACKGROUND = 3
    """A stroke: they do not. Of two strokes on a voxel, the later one counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """What a request says of the voxels of its box."""

    label: NDArray[np.bool_]
    """Which have the label now."""
    strokes: NDArray[np.uint8]
    """FOREGROUND, BACKGROUND, or 0 without a stroke."""


def read_marks(packed: bytes, dims: Sequence[int], box: Box) -> Marks:
    """The marks in `box` of a grid of shape `dims`, of the box's shape.

    Raises BadRequest for damaged runs, an unknown value or a voxel outside the box, and
    ScanTooLarge for more runs than a box can need.
    """
    rules = RunRules(prod(dims), tuple(Mark), most_runs=_OVERLAPS * box.size)
    if checked_totals(packed, rules).voxels > _OVERLAPS * box.size:
        raise ScanTooLarge(
            "The runs cover the box more than four times.",
            expected="The voxels of the label, and those of the strokes.",
            hint="Send each voxel once.",
        )
    label, strokes = np.zeros(box.size, bool), np.zeros(box.size, np.uint8)
    for runs in read_runs(packed):
        start, length, value = runs.astype(np.int64).T
        first = np.cumsum(length) - length
        at = np.arange(int(length.sum())) + np.repeat(start - first, length)
        place, marks = _inside(at, dims, box), np.repeat(value, length)
        has_label = marks == Mark.LABEL
        label[place[has_label]] = True
        strokes[place[~has_label]] = marks[~has_label]
    shape = box.shape
    return Marks(label.reshape(shape, order="F"), strokes.reshape(shape, order="F"))


def _inside(at: NDArray[np.int64], dims: Sequence[int], box: Box) -> NDArray[np.int64]:
    """Flat indices of the grid as flat indices of the box."""
    place, step = np.zeros_like(at), 1
    for length, start, stop in zip(dims, box.start, box.stop, strict=True):
        at, along = np.divmod(at, length)
        if ((along < start) | (along >= stop)).any():
            raise BadRequest(
                "A voxel of the request is outside its box.",
                expected="The label and the strokes inside the box alone.",
                hint="Leave out the voxels outside, or choose a larger box.",
            )
        place += step * (along - start)
        step *= stop - start
    return place


def pack_changes(
    before: NDArray[np.bool_], after: NDArray[np.bool_], dims: Sequence[int], box: Box
) -> bytes:
    """What differs between two masks of the box, as runs with the value 1 or 0, ascending."""
    changed = np.nonzero(before != after)
    at, step = np.zeros(changed[0].size, np.int64), 1
    for along, length, start in zip(changed, dims, box.start, strict=True):
        at += step * (along + start)
        step *= length
    order = np.argsort(at)
    at, value = at[order], after[changed][order]
    breaks = np.flatnonzero((np.diff(at) != 1) | (np.diff(value.astype(np.int8)) != 0)) + 1
    firsts = np.concatenate([[0], breaks]).astype(np.intp)[: at.size]
    lengths = np.diff(np.append(firsts, at.size))
    return pack_runs(np.stack([at[firsts], lengths, value[firsts]], 1).astype(np.uint32))
