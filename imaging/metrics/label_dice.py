"""Overlap of two label maps, for each label and in total, in flat memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks

_BLOCK_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class LabelDice:
    """The Dice of two label maps."""

    overall: float
    """Over all labels: 2 sum |A_l and B_l| / sum (|A_l| + |B_l|); 1 if both masks are empty."""
    labels: Mapping[int, float]
    """Label -> 2 |A_l and B_l| / (|A_l| + |B_l|), for labels in at least one mask."""


def label_dice(first: NDArray[Any], second: NDArray[Any], *, objects: bool = False) -> LabelDice:
    """Compares two label maps of one shape; 0 is the background.

    Dice 1945 (Ecology 26, 297); over all labels as in Crum et al. 2006 (IEEE Trans. Med. Imaging
    25, 1451, eq. 4), where each voxel has the same weight. `objects`: the values number objects,
    so that equal values mean nothing: the foregrounds are compared, and there are no labels.
    """
    sizes, common = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for box in blocks(first.shape, _BLOCK_VOXELS):
        one, other = first[box.slices].ravel(), second[box.slices].ravel()
        if objects:
            one, other = one != 0, other != 0
        sizes = _add(sizes, _counts(one), _counts(other))
        common = _add(common, _counts(one[one == other]))
    common = _add(common, np.zeros(sizes.size, np.int64))
    total = int(sizes[1:].sum())
    overall = 2.0 * int(common[1:].sum()) / total if total else 1.0
    present = () if objects else np.flatnonzero(sizes[1:]) + 1
    return LabelDice(overall, {int(n): 2.0 * int(common[n]) / int(sizes[n]) for n in present})


def _counts(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.bincount(values.astype(np.intp)).astype(np.int64)


def _add(*counts: NDArray[np.int64]) -> NDArray[np.int64]:
    total = np.zeros(max(one.size for one in counts), np.int64)
    for one in counts:
        total[: one.size] += one
    return total
