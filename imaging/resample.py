"""Separable linear resampling with results that do not depend on the requested region.

Voxel edges align: both grids cover the same extent, so `n_in` and `n_out` determine every
coordinate, in float64:

    in   |     0     |     1     |     2     |        x_in = (x_out + 0.5) * n_in / n_out - 0.5
    out  |   0   |   1   |   2   |   3   |...

The kernel is a triangle of half-width 1. Where the scan becomes coarser, it is widened by the ratio
(so that no voxel between the samples is skipped) and corrected (so that linear ramps are kept). Its
support is finite; beyond the edge the edge voxel is repeated. Taps are added one after the other,
element by element, so the order of summation does not depend on the block's shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.errors import BadRequest
from imaging.padding import interpolated
from imaging.scan import Scan

_READ_VOXELS = 1 << 22
"""Voxels of a scan that are read at once."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis, resampled from `n_in` to `n_out` voxels over the same physical extent."""

    n_in: int
    n_out: int
    widen: bool = False
    """Widen the kernel by the ratio if the axis becomes coarser (anti-aliasing)."""

    @property
    def ratio(self) -> float:
        """Input voxels per output voxel."""
        return self.n_in / self.n_out

    @property
    def reach(self) -> float:
        """Half-width of the kernel, in input voxels."""
        return max(1.0, self.ratio) if self.widen else 1.0

    def centres(self, start: int, stop: int) -> NDArray[np.float64]:
        """Centres of the outputs [start, stop), in input voxels."""
        return (np.arange(start, stop, dtype=np.float64) + 0.5) * self.ratio - 0.5

    def needed(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open input range that outputs [start, stop) read."""
        if self.n_in == self.n_out:
            return start, stop
        taps = self.taps(start, stop)[0]
        return int(taps.min()), int(taps.max()) + 1

    def taps(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Input indices and weights, both (taps, stop - start); each output's weights sum to 1.

        The first tap is the input voxel at or just below the output's centre.
        """
        centre = self.centres(start, stop)
        below = np.floor(centre).astype(np.intp)
        reach = ceil(self.reach)
        steps = sorted(range(1 - reach, reach + 1), key=lambda step: (abs(step), step))
        index = below + np.array(steps, np.intp)[:, np.newaxis]
        offset = index - centre
        weights = np.maximum(0.0, 1.0 - np.abs(offset) / self.reach)
        if self.reach > 1.0:  # a sampled, widened triangle is asymmetric and would shift a ramp
            slope = (weights * offset).sum(axis=0) / (weights * offset**2).sum(axis=0)
            weights *= 1.0 - slope * offset
        weights /= weights.sum(axis=0)
        return np.clip(index, 0, self.n_in - 1), weights.astype(np.float32)


def resampled_length(n: int, spacing_from: float, spacing_to: float) -> int:
    """Number of voxels at `spacing_to` mm that cover `n` voxels at `spacing_from` mm."""
    return max(1, round(n * spacing_from / spacing_to))


def needed_box(axes: Sequence[Axis], out_box: Box) -> Box:
    """The box of the input grid from which `out_box` of the output grid is computed."""
    ranges = [
        axis.needed(a, b) for axis, a, b in zip(axes, out_box.start, out_box.stop, strict=True)
    ]
    return Box(tuple(a for a, _ in ranges), tuple(b for _, b in ranges))


def resample_box(
    block: NDArray[Any], block_box: Box, axes: Sequence[Axis], out_box: Box
) -> NDArray[np.float32]:
    """(c, *out_box.shape) float32, from `block`, of shape (c, *block_box.shape) on the input grid.

    `block_box` must contain `needed_box(axes, out_box)`. Constants are kept exactly, and an axis
    whose length does not change is only cropped.
    """
    values: NDArray[np.float32] = block.astype(np.float32, copy=False)
    coarsest_first = sorted(range(len(axes)), key=lambda a: -axes[a].ratio)
    for a in coarsest_first:
        start, stop = out_box.start[a], out_box.stop[a]
        values = _along(values, a + 1, axes[a], (start, stop), block_box.start[a])
    return values


def _along(
    values: NDArray[np.float32], axis: int, plan: Axis, out: tuple[int, int], offset: int
) -> NDArray[np.float32]:
    if plan.n_in == plan.n_out:
        cut: NDArray[np.float32] = values[
            (slice(None),) * axis + (slice(out[0] - offset, out[1] - offset),)
        ]
        return cut
    index, weights = plan.taps(*out)
    index = index - offset
    if index.min() < 0 or index.max() >= values.shape[axis]:
        raise BadRequest("The block does not contain all voxels that the kernel reads.")
    across = (-1,) + (1,) * (values.ndim - axis - 1)
    base: NDArray[np.float32] = values.take(index[0], axis)
    total = base
    for tap, weight in zip(index[1:], weights[1:], strict=True):
        part = values.take(tap, axis)
        part -= base  # differences, so that a constant is kept exactly
        part *= weight.reshape(across)
        total = np.add(total, part, out=part)
    return total


def at_spacing(scan: Scan, spacing_mm: Sequence[float]) -> Scan:
    """The scan as float32 on the grid nearest to `spacing_mm`, read lazily.

    The grid covers the same extent as the scan, so its actual spacing may differ from `spacing_mm`,
    by less than half an output voxel over the whole axis. `scan` should be canonical. Raises
    BadRequest if the scan has no spacing.
    """
    own = scan.spacing_mm
    if own is None:
        raise BadRequest(
            "The scan does not state the size of its voxels.",
            expected="A scan with a spacing, because the model works at a fixed spacing.",
            hint="Save the scan with its spacing, or choose a model that does not need one.",
        )
    axes = scan_axes(scan.grid, own, spacing_mm)
    ratios = [axis.ratio for axis in axes]
    most = max(1, int(_READ_VOXELS / prod(max(1.0, ratio) for ratio in ratios)))

    def read(box: Box) -> NDArray[Any]:
        out = np.empty((scan.shape[0], *box.shape), np.float32)
        for part in blocks(box.shape, most):  # limits what is read for each part of a fine scan
            here = box.part(part)
            needed = needed_box(axes, here)
            out[(slice(None), *part.slices)] = interpolated(
                scan.read(needed),
                scan.padding_in(needed),
                partial(resample_box, block_box=needed, axes=axes, out_box=here),
            )[0]
        return out

    return replace(
        scan,
        padding=None,  # statistics are measured before
        shape=(scan.shape[0], *(axis.n_out for axis in axes)),
        dtype=np.dtype(np.float32),
        affine=scan.affine @ _scale(ratios),
        spacing_mm=tuple(mm * ratio for mm, ratio in zip(own, ratios, strict=True)),
        reader=read,
        stored_shape=tuple(axis.n_out for axis in axes),
    )


def _scale(ratios: Sequence[float]) -> NDArray[np.float64]:
    """(4, 4): from voxels of the new grid to voxels of the scan; both grids have one outer edge."""
    scale = np.eye(4)
    for axis, ratio in enumerate(ratios):
        scale[axis, axis], scale[axis, 3] = ratio, 0.5 * ratio - 0.5
    return scale


def scan_axes(
    grid: Sequence[int], spacing_mm: Sequence[float], wanted_mm: Sequence[float]
) -> tuple[Axis, ...]:
    """The axes that resample a scan's grid to the spacing `wanted_mm` of a network."""
    return tuple(
        Axis(n, resampled_length(n, own, wanted), widen=True)
        for n, own, wanted in zip(grid, spacing_mm, wanted_mm, strict=True)
    )
