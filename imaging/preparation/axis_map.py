"""Resampling along one axis by splines, with scipy's own weights.

Interpolation by splines on a grid is separable, its prefilter and its edges included: the result is
one matrix per axis, applied one after the other. The matrix of an axis is what scipy makes of the
unit vectors. A cubic spline's weights fall to less than 1e-10 within 20 voxels, so that a block of
the result needs only a band of the axis.
"""

from collections.abc import Iterator
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
_REACH = 40
"""Voxels of the axis on each side of a block that its weights are computed from: those beyond weigh
less than float64 can add to the others."""
_BLOCK = 32
"""Output voxels that are computed by one product of matrices."""
_PRODUCT = 1 << 18
"""Multiply-adds of one product. OpenBLAS divides larger ones between threads that wait for each
other, which takes many times longer where the cores are busy."""


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

    offset: float = 0.0
    """With the anchor `centres`: the place of the first output voxel."""

    @property
    def is_identity(self) -> bool:
        """Whether every voxel keeps its place."""
        return self.n_in == self.n_out and self.ratio in (None, 1.0) and self.offset == 0

    @property
    def places(self) -> NDArray[np.float64]:
        """The places of the output voxels' centres, in input voxels."""
        ratio = self.n_in / self.n_out if self.ratio is None else self.ratio
        index = np.arange(self.n_out, dtype=np.float64)
        if self.anchor == "centres":
            return index * ratio + self.offset
        return ratio * (index + 0.5) - 0.5

    @property
    def nearest(self) -> NDArray[np.intp]:
        """The input voxel next to each output voxel's centre. Halfway between two, scipy takes the
        second (`edges`), torch the even one (`centres`)."""
        places = self.places
        near = np.rint(places) if self.anchor == "centres" else np.floor(places + 0.5)
        return np.clip(near, 0, self.n_in - 1).astype(np.intp)

    @cached_property
    def _bands(self) -> tuple[tuple[slice, slice, NDArray[np.float64]], ...]:
        """Blocks of the result: their voxels, the input voxels that they need, and the weights."""
        places = self.places
        return tuple(
            (
                slice(start, min(start + _BLOCK, self.n_out)),
                *self._band(places[start : start + _BLOCK]),
            )
            for start in range(0, self.n_out, _BLOCK)
        )

    def _band(self, places: NDArray[np.float64]) -> tuple[slice, NDArray[np.float64]]:
        """The input voxels that the output voxels at `places` need, and their weights (n, used)."""
        near = np.clip(places, 0, self.n_in - 1)
        first = max(0, int(near[0]) - _REACH)
        window = np.arange(first, min(self.n_in, int(near[-1]) + _REACH))
        where, column = np.meshgrid(places - first, np.arange(len(window)), indexing="ij")
        weights = scipy.ndimage.map_coordinates(
            np.eye(len(window)), np.stack([where, column]), order=self.order, mode="nearest"
        )
        used = np.flatnonzero((np.abs(weights) >= _NEGLIGIBLE).any(axis=0))
        band = slice(int(used[0]), int(used[-1]) + 1)
        # products with strided weights are slow
        return slice(first + band.start, first + band.stop), np.ascontiguousarray(weights[:, band])

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
        for here, band, weights in self._bands:
            for part in _parts(size if size > 1 else len(lines), weights.size):
                if size > 1:
                    np.matmul(weights, lines[:, band, part], out=result[:, here, part])
                else:  # the last axis
                    np.matmul(lines[part, band, 0], weights.T, out=result[part, here, 0])
        return result.reshape(*before, self.n_out, *after)


def _parts(lines: int, weights: int) -> Iterator[slice]:
    """Ranges of lines whose product with this many weights is small enough."""
    step = max(1, _PRODUCT // weights)
    for start in range(0, lines, step):
        yield slice(start, start + step)
