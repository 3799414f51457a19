"""Resampling along one axis by splines, with scipy's own weights.

Interpolation by splines on a grid is separable, its prefilter and its edges included: the result is
one matrix per axis, applied one after the other. The matrix of an axis is what scipy makes of the
unit vectors. A cubic spline's weights fall to less than 1e-10 within 18 voxels, so that a block of
the result needs only a band of the axis.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.preparation.way_back import Anchor

Order = Literal[0, 1, 2, 3]
"""Order of a spline: 0 nearest voxel, 1 linear, 2 quadratic, 3 cubic."""
_NEGLIGIBLE = 1e-10
_BLOCK = 64
"""Results that are computed by one product of matrices."""


@dataclass(frozen=True)
class AxisMap:
    """One axis of `n_in` voxels, resampled to `n_out`; beyond its ends the end voxels repeat."""

    n_in: int
    n_out: int
    order: Order
    """Of the spline."""
    anchor: Anchor = "edges"
    ratio: float | None = None
    """Input voxels per output voxel. None: `n_in / n_out`."""

    @property
    def is_identity(self) -> bool:
        """Whether every voxel keeps its place."""
        return self.n_in == self.n_out and self.ratio in (None, 1.0)

    @property
    def places(self) -> NDArray[np.float64]:
        """The places of the output voxels' centres, in input voxels."""
        ratio = self.n_in / self.n_out if self.ratio is None else self.ratio
        index = np.arange(self.n_out, dtype=np.float64)
        return index * ratio if self.anchor == "centres" else ratio * (index + 0.5) - 0.5

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The input voxel next to each output voxel's centre. Halfway between two, scipy takes the
        second (`edges`), torch the even one (`centres`)."""
        places = self.places
        near = np.rint(places) if self.anchor == "centres" else np.floor(places + 0.5)
        return np.clip(near, 0, self.n_in - 1).astype(np.intp)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """(n_out, n_in)."""
        where = np.broadcast_to(self.places[:, np.newaxis], (self.n_out, self.n_in))
        column = np.broadcast_to(np.arange(self.n_in), where.shape)
        weights = scipy.ndimage.map_coordinates(
            np.eye(self.n_in), np.stack([where, column]), order=self.order, mode="nearest"
        )
        return np.where(np.abs(weights) < _NEGLIGIBLE, 0, weights)

    def apply(self, values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        """`values` resampled along `axis`, in float64."""
        if self.is_identity:
            return values
        if self.order == 0:
            return values.take(self.nearest, axis)
        before, after = values.shape[:axis], values.shape[axis + 1 :]
        size = int(np.prod(after))
        lines = values.reshape(int(np.prod(before)), self.n_in, size)
        result = np.empty((len(lines), self.n_out, size))
        for start in range(0, self.n_out, _BLOCK):
            weights = self._weights[start : start + _BLOCK]
            used = np.flatnonzero(weights.any(axis=0))
            band = slice(int(used[0]), int(used[-1]) + 1)
            here = slice(start, start + len(weights))
            if size == 1:
                result[:, here, 0] = lines[:, band, 0] @ weights[:, band].T
            else:
                np.matmul(weights[:, band], lines[:, band], out=result[:, here])
        return result.reshape(*before, self.n_out, *after)
