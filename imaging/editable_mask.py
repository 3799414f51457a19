"""A mask that is changed by runs of voxels, in memory or mapped from a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imaging.box import blocks
from imaging.large_arrays import large_zeros

_BLOCK_VOXELS = 1 << 22


@dataclass(frozen=True, slots=True)
class LabelChange:
    """How a correction changed a label."""

    label: int
    added: int
    """Voxels that have the label now, and had another one or none before."""
    removed: int
    """Voxels that had the label before, and have another one or none now."""


@dataclass(frozen=True, slots=True, eq=False)
class EditableMask:
    """A copy of a mask whose voxels lie in the order of `imaging.voxel_runs`."""

    flat: NDArray[Any]
    """The label numbers in the order of the flat indices."""
    mask: NDArray[Any]
    """The same numbers on the scan's grid: (i, j, k), or (row, column); a view."""

    @classmethod
    def copy(cls, base: NDArray[Any], largest: int, scratch: Path | None = None) -> Self:
        """A copy of `base`, on its scan's grid, which also holds numbers up to `largest`.

        `scratch`: a folder for an array that does not fit into memory. Raises StorageFull.
        """
        dtype = np.promote_types(base.dtype, np.min_scalar_type(largest))
        volume = base.ndim == 3
        buffer = large_zeros(base.shape[::-1] if volume else base.shape, dtype, scratch)
        mask = buffer.T if volume else buffer[::-1]  # an image's first row is its last: upright
        for box in blocks(base.shape, _BLOCK_VOXELS):
            mask[box.slices] = base[box.slices]
        return cls(buffer.view(np.ndarray).reshape(-1), mask)

    def apply(self, runs: NDArray[np.uint32]) -> None:
        """Changes the voxels of checked runs, of shape (runs, 3), in their order."""
        flat = self.flat
        for start, length, value in runs.tolist():
            flat[start : start + length] = value


@dataclass(frozen=True, slots=True)
class MaskDifference:
    """How two masks on the same grid differ."""

    voxels: int
    """Number of voxels whose label numbers differ."""
    labels: tuple[LabelChange, ...]
    """The labels that gained or lost voxels, by number."""


def difference(
    before: NDArray[Any], after: NDArray[Any], *, together: int | None = None
) -> MaskDifference:
    """Compares two masks of one shape.

    `together`: the masks number objects, which all count as the label of this number.
    """
    added, removed, voxels = np.zeros(1, np.int64), np.zeros(1, np.int64), 0
    for box in blocks(before.shape, _BLOCK_VOXELS):
        old, new = before[box.slices], after[box.slices]
        changed = old != new
        count = int(np.count_nonzero(changed))
        if not count:
            continue
        voxels += count
        lost, gained = old[changed], new[changed]
        if together is not None:
            moved = (lost > 0) != (gained > 0)  # from one object to another is no change
            lost, gained = ((one[moved] > 0) * np.uint32(together) for one in (lost, gained))
        added, removed = _counted(added, gained), _counted(removed, lost)
    return MaskDifference(voxels, _changes(added, removed))


def _counted(counts: NDArray[np.int64], values: NDArray[Any]) -> NDArray[np.int64]:
    """The counts of each value, plus those of `values`."""
    more = np.bincount(values.astype(np.intp), minlength=counts.size)
    more[: counts.size] += counts
    return more


def _changes(added: NDArray[np.int64], removed: NDArray[np.int64]) -> tuple[LabelChange, ...]:
    size = max(added.size, removed.size)
    gained, lost = (np.pad(one, (0, size - one.size)) for one in (added, removed))
    labels = np.flatnonzero(gained + lost)
    return tuple(
        LabelChange(int(label), int(gained[label]), int(lost[label])) for label in labels if label
    )
