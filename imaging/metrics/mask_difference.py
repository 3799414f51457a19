"""What two label maps of one grid have in common, and where they differ, in flat memory."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks

_BLOCK_VOXELS = 1 << 22
_TABLE_SIZE = 1 << 16
"""Label numbers below are counted and exchanged by tables; larger ones by sorting: it is slow."""


@dataclass(frozen=True, slots=True)
class LabelOverlap:
    """Voxels of one label in two label maps A and B."""

    first: int
    second: int
    common: int

    @property
    def dice(self) -> float:
        """2 |A and B| / (|A| + |B|); 1 if both are empty (Dice 1945, Ecology 26, 297)."""
        total = self.first + self.second
        return 2.0 * self.common / total if total else 1.0


@dataclass(frozen=True, slots=True)
class MaskDifference:
    """Numbers of voxels of two label maps A and B; 0 is the background."""

    labels: Mapping[int, LabelOverlap]
    """Label -> its overlap, for labels in at least one mask, in ascending order."""
    agreement: int
    """With the same label in both."""
    only_first: int
    """With a label in A, and none in B."""
    only_second: int
    other_label: int
    """With a label in each, which differ."""
    slices: tuple[tuple[int, ...], ...]
    """Voxels that differ in each slice along each axis of the grid."""

    @property
    def overall(self) -> LabelOverlap:
        """Over all labels, where each voxel has the same weight: sums of `labels`, as in Crum et
        al. 2006 (IEEE Trans. Med. Imaging 25, 1451, eq. 4)."""
        rows = self.labels.values()
        return LabelOverlap(
            *(sum(getattr(one, name) for one in rows) for name in ("first", "second", "common"))
        )


def mask_difference(
    first: NDArray[Any],
    second: NDArray[Any],
    *,
    objects: bool = False,
    renumbered: Mapping[int, int] | None = None,
) -> MaskDifference:
    """Compares two label maps of one shape.

    `objects`: the values number objects, so that equal values mean nothing: the foregrounds are
    compared, as label 1. `renumbered`: label of `second` -> the label of `first` that means the
    same; other labels of `second` keep their numbers.
    """
    counts = _Counts(tuple(np.zeros(size, np.int64) for size in first.shape))
    for box in blocks(first.shape, _BLOCK_VOXELS):
        one, other = first[box.slices], second[box.slices]
        if objects:
            one, other = (one != 0).view(np.uint8), (other != 0).view(np.uint8)
        elif renumbered:
            other = _renumbered(other, renumbered)
        counts.add(one, other, box.start)
    return counts.difference()


@dataclass(slots=True)
class _Counts:
    slices: tuple[NDArray[np.int64], ...]
    first: "Counter[int]" = field(default_factory=Counter)
    second: "Counter[int]" = field(default_factory=Counter)
    common: "Counter[int]" = field(default_factory=Counter)
    only_first: int = 0
    only_second: int = 0
    other_label: int = 0

    def add(self, one: NDArray[Any], other: NDArray[Any], start: tuple[int, ...]) -> None:
        """Counts a block of both masks, whose first voxel is at `start`, in voxels."""
        same = one == other
        _count(self.first, one)
        _count(self.second, other)
        _count(self.common, one[same])
        in_first, in_second = one != 0, other != 0
        self.only_first += int(np.count_nonzero(in_first & ~in_second))
        self.only_second += int(np.count_nonzero(in_second & ~in_first))
        self.other_label += int(np.count_nonzero(in_first & in_second & ~same))
        if same.all():
            return
        for axis, total in enumerate(self.slices):
            others = tuple(n for n in range(one.ndim) if n != axis)
            differing = np.count_nonzero(~same, axis=others)
            total[start[axis] : start[axis] + one.shape[axis]] += differing

    def difference(self) -> MaskDifference:
        """What was counted so far."""
        labels = sorted((self.first.keys() | self.second.keys()) - {0})
        return MaskDifference(
            labels={n: LabelOverlap(self.first[n], self.second[n], self.common[n]) for n in labels},
            agreement=self.common.total() - self.common[0],
            only_first=self.only_first,
            only_second=self.only_second,
            other_label=self.other_label,
            slices=tuple(tuple(int(n) for n in axis) for axis in self.slices),
        )


def _count(counter: "Counter[int]", values: NDArray[Any]) -> None:
    if int(values.max(initial=0)) < _TABLE_SIZE:
        table = np.bincount(values.ravel().astype(np.intp))
        counter.update({int(n): int(table[n]) for n in np.flatnonzero(table)})
    else:
        numbers, sizes = np.unique(values, return_counts=True)
        counter.update(dict(zip(numbers.tolist(), sizes.tolist(), strict=True)))


def _renumbered(values: NDArray[Any], numbers: Mapping[int, int]) -> NDArray[np.int64]:
    largest = int(values.max(initial=0))
    if largest < _TABLE_SIZE:
        table = np.arange(largest + 1)
        known = [old for old in numbers if old <= largest]
        table[known] = [numbers[old] for old in known]
        return np.asarray(table[values], np.int64)
    present, places = np.unique(values, return_inverse=True)
    new = np.array([numbers.get(int(old), int(old)) for old in present], np.int64)
    return new[places].reshape(values.shape)
