"""Resampling of an array that may be larger than memory, axis by axis and slab by slab."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.axis_map import AxisMap
from imaging.preparation.voxels import Voxels

_SLAB_VOXELS = 1 << 21
"""Voxels that are resampled at once, in float64."""


@dataclass(frozen=True, slots=True)
class Resizing:
    """How a grid is resampled."""

    maps: tuple[AxisMap, ...]
    """One for each axis."""
    coarse_axis: int | None = None
    """An axis that is resampled after the others, whose slices are clipped each by itself."""
    clip: bool = False
    """Clip the result to the range of the values before, as splines overshoot."""

    @property
    def after(self) -> tuple[int, ...]:
        """The shape of the result."""
        return tuple(axis.n_out for axis in self.maps)

    def into(
        self, out: NDArray[np.float32], values: NDArray[Any], scratch: Path | None = None
    ) -> None:
        """Fills `out`, of shape `after`, with `values` resampled; both have no components.

        Each step is computed in float64 and stored in float32.
        """
        apart = self.coarse_axis is not None
        first = self.coarse_axis or 0
        order = (first, *(axis for axis in range(len(self.maps)) if axis != first))
        values, out = values.transpose(order), out.transpose(order)
        maps = [self.maps[axis] for axis in order]
        middle = out
        if not maps[0].is_identity:
            middle = large_zeros((maps[0].n_in, *out.shape[1:]), np.float32, scratch)
        ends = Voxels([values]).extremes() if self.clip and not apart else None
        widest = max(prod(values.shape[1:]), prod(out.shape[1:]))
        for rows in slabs((len(values), widest), _SLAB_VOXELS):
            slab = _across(values[rows].astype(np.float64), maps, clip=self.clip and apart)
            middle[rows] = slab if ends is None or middle is not out else slab.clip(*ends, out=slab)
        if middle is out:
            return
        columns = max(len(values), len(out)) * prod(out.shape[2:])
        for part in slabs((out.shape[1], columns), _SLAB_VOXELS):
            slab = maps[0].apply(middle[:, part].astype(np.float64), 0)
            out[:, part] = slab if ends is None else slab.clip(*ends, out=slab)

    def nearest(self, values: NDArray[Any], rows: slice) -> NDArray[Any]:
        """The nearest voxels of `values` for a range of the first axis of the result."""
        first, *others = (axis.nearest for axis in self.maps)
        return values[np.ix_(first[rows], *others)]


def _across(
    slab: NDArray[np.float64], maps: Sequence[AxisMap], *, clip: bool
) -> NDArray[np.float64]:
    """All axes but the first, resampled; `clip`: each slice to its own range."""
    axes = tuple(range(1, slab.ndim))
    low, high = slab.min(axes, keepdims=True), slab.max(axes, keepdims=True)
    for axis in axes:
        slab = maps[axis].apply(slab, axis)
    return slab.clip(low, high) if clip else slab
