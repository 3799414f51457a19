"""A regular grid for slices that are tilted or unevenly spaced, and the mapping back to them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.formats.dicom.pixel_values import StackValues
from imaging.formats.dicom.stack import Stack
from imaging.padding import interpolated

_LEAST_MM = 0.5
_WHOLE = 1e-6
"""Shifts this close to a whole pixel, as a share of it, are whole: headers round."""


@dataclass(frozen=True, slots=True, eq=False)
class RegularGrid:
    """Voxels at right angles around all slices, with the smallest gap along the normal."""

    shape: tuple[int, int, int]
    """(i, j, k): along a row, along a column, along the normal."""
    origin: NDArray[np.float64]
    """(3,): LPS+ mm of voxel (0, 0, 0)."""
    gap: float
    """mm along the normal."""
    shifts: NDArray[np.float64]
    """(n, 2): position of each slice's first pixel in (i, j)."""
    depths: NDArray[np.float64]
    """(n,): position of each slice in k."""

    @classmethod
    def around(cls, stack: Stack) -> "RegularGrid":
        """The grid of a stack; in-plane axes and spacing are those of the slices."""
        geometry = stack.geometry
        depths = stack.depths
        gap = max(float(np.diff(depths).min()), min(_LEAST_MM, *geometry.spacing))
        aside = stack.positions - np.outer(depths, geometry.normal)
        i = aside @ geometry.along_row / geometry.spacing[1]
        j = aside @ geometry.along_column / geometry.spacing[0]
        shifts = np.stack([i - i.min(), j - j.min()], axis=1)
        whole = np.round(shifts)
        shifts = np.where(np.abs(shifts - whole) < _WHOLE, whole, shifts)
        rows, columns = stack.frames[0].size
        shape = (
            columns + int(np.ceil(shifts[:, 0].max())),
            rows + int(np.ceil(shifts[:, 1].max())),
            int(np.ceil((depths[-1] - depths[0]) / gap - 1e-6)) + 1,
        )
        origin = (
            i.min() * geometry.spacing[1] * geometry.along_row
            + j.min() * geometry.spacing[0] * geometry.along_column
            + depths[0] * geometry.normal
        )
        return cls(shape, origin, gap, shifts, (depths - depths[0]) / gap)

    def read(self, planes: StackValues, box: Box) -> NDArray[Any]:
        """(1, *box.shape) float32, linear between neighbouring slices and within each.

        Outside, the nearest pixel or slice is repeated. Padding is not mixed with real pixels.
        """
        return self._interpolated(planes, box)[0]

    def padding(self, planes: StackValues, box: Box) -> NDArray[np.bool_] | None:
        """Which voxels of a box are padding; None where none is."""
        return None if planes.padding() is None else self._interpolated(planes, box)[1]

    def _interpolated(
        self, planes: StackValues, box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        out = np.empty((1, *box.shape), np.float32)
        padding = np.zeros(box.shape, bool)
        for n, k in enumerate(range(box.start[2], box.stop[2])):
            above = int(np.clip(np.searchsorted(self.depths, k), 1, len(self.depths) - 1))
            gap = self.depths[above] - self.depths[above - 1]
            weight = float(np.clip((k - self.depths[above - 1]) / gap, 0, 1))
            layer, padded = self._between_slices(planes, above, weight, box)
            out[0, :, :, n] = layer
            if padded is not None:
                padding[:, :, n] = padded
        return out, padding if padding.any() else None

    def _between_slices(
        self, planes: StackValues, above: int, weight: float, box: Box
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
        """The layer (i, j) between slice `above` and the one before, at a share of their gap."""
        used = [n for n, share in ((above - 1, 1 - weight), (above, weight)) if share > 0]
        padding, values = planes.padding(), planes.values()

        def interpolate(slices: NDArray[Any]) -> NDArray[np.float32]:
            first, *rest = (self._shifted(slices[0, m], n, box) for m, n in enumerate(used))
            for other in rest:
                first += np.float32(weight) * (other - first)
            return first[np.newaxis]

        where = slice(used[0], used[-1] + 1)
        layer, padded = interpolated(
            values[np.newaxis, where], None if padding is None else padding[where], interpolate
        )
        return layer[0], padded

    def on_planes(self, mask: NDArray[Any], rows: int, columns: int) -> NDArray[Any]:
        """(n, rows, columns): the voxel of a mask (i, j, k) nearest to each pixel of each slice."""
        out = np.empty((len(self.depths), rows, columns), mask.dtype)
        starts = np.floor(self.shifts + 0.5).astype(int)
        layers = np.clip(np.floor(self.depths + 0.5).astype(int), 0, self.shape[2] - 1)
        for n, ((i, j), k) in enumerate(zip(starts, layers, strict=True)):
            out[n] = mask[i : i + columns, j : j + rows, k].T
        return out

    def _shifted(self, plane: NDArray[Any], n: int, box: Box) -> NDArray[np.float32]:
        """Slice n, (rows, columns), at the (i, j) of a box, shifted by fractions of a pixel."""
        i = np.arange(box.start[0], box.stop[0]) - self.shifts[n, 0]
        j = np.arange(box.start[1], box.stop[1]) - self.shifts[n, 1]
        along_j = _between(plane.astype(np.float32, copy=False), j, axis=0)
        return _between(along_j, i, axis=1).T


def _between(
    values: NDArray[np.float32], at: NDArray[np.float64], axis: int
) -> NDArray[np.float32]:
    """Values at fractional indices of an axis, linear; the edge is repeated outside."""
    at = np.clip(at, 0, values.shape[axis] - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, values.shape[axis] - 1)
    part = (at - low).astype(np.float32)
    part = part[:, None] if axis == 0 else part[None, :]
    first = values.take(low, axis)
    between: NDArray[np.float32] = first + part * (values.take(high, axis) - first)
    return between
