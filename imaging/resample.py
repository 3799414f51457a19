"""Separable linear resampling, the same to the bit whatever region is asked for.

Voxel edges align: both grids cover the same stretch, so `n_in` and `n_out` alone fix every
coordinate, once, in float64:

    in   |     0     |     1     |     2     |        x_in = (x_out + 0.5) * n_in / n_out - 0.5
    out  |   0   |   1   |   2   |   3   |...

The kernel is a triangle of half-width 1, widened by the ratio where that makes the scan coarser
(so that nothing between the samples is skipped) and straightened (so that ramps stay ramps). Its
support is finite; beyond the edge the edge voxel goes on. Taps are summed one after the other,
element by element: no order of summation depends on the block's shape.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.errors import BadRequest
from imaging.scan import Scan

_READ_VOXELS = 1 << 22
"""Of a scan, that are read at once to be resampled."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of `n_in` voxels brought to `n_out` over the same physical stretch."""

    n_in: int
    n_out: int
    widen: bool = False
    """Widen the kernel by the ratio where the axis becomes coarser (anti-aliasing)."""

    @property
    def ratio(self) -> float:
        """Input voxels per output voxel."""
        return self.n_in / self.n_out

    @property
    def reach(self) -> float:
        """Half-width of the kernel, in input voxels."""
        return max(1.0, self.ratio) if self.widen else 1.0

    def centres(self, start: int, stop: int) -> NDArray[np.float64]:
        """Where the centres of outputs [start, stop) lie, in input voxels."""
        return (np.arange(start, stop, dtype=np.float64) + 0.5) * self.ratio - 0.5

    def needed(self, start: int, stop: int) -> tuple[int, int]:
        """The half-open input range that outputs [start, stop) read."""
        if self.n_in == self.n_out:
            return start, stop
        taps = self.taps(start, stop)[0]
        return int(taps.min()), int(taps.max()) + 1

    def taps(self, start: int, stop: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Input indices and weights, both (taps, stop - start); weights sum to 1 for each output.

        The first tap is the input voxel at or just below the output's centre.
        """
        centre = self.centres(start, stop)
        below = np.floor(centre).astype(np.intp)
        reach = ceil(self.reach)
        steps = sorted(range(1 - reach, reach + 1), key=lambda step: (abs(step), step))
        index = below + np.array(steps, np.intp)[:, np.newaxis]
        away = index - centre
        weights = np.maximum(0.0, 1.0 - np.abs(away) / self.reach)
        if self.reach > 1.0:  # sampled, a widened triangle leans to one side: a ramp would shift
            lean = (weights * away).sum(axis=0) / (weights * away**2).sum(axis=0)
            weights *= 1.0 - lean * away
        weights /= weights.sum(axis=0)
        return np.clip(index, 0, self.n_in - 1), weights.astype(np.float32)


def resampled_length(n: int, spacing_from: float, spacing_to: float) -> int:
    """Voxels at `spacing_to` mm that cover what `n` voxels at `spacing_from` mm cover."""
    return max(1, round(n * spacing_from / spacing_to))


def needed_box(axes: Sequence[Axis], out_box: Box) -> Box:
    """The box of the input grid that `out_box` of the output grid is computed from."""
    ranges = [
        axis.needed(a, b) for axis, a, b in zip(axes, out_box.start, out_box.stop, strict=True)
    ]
    return Box(tuple(a for a, _ in ranges), tuple(b for _, b in ranges))


def resample_box(
    block: NDArray[Any], block_box: Box, axes: Sequence[Axis], out_box: Box
) -> NDArray[np.float32]:
    """(c, *out_box.shape) float32, from `block`, of shape (c, *block_box.shape) on the input grid.

    `block_box` must hold `needed_box(axes, out_box)`. Constants come out as they are, and an axis
    whose length does not change is only cut.
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
        raise BadRequest("The block does not hold all that the kernel reads.")
    across = (-1,) + (1,) * (values.ndim - axis - 1)
    base: NDArray[np.float32] = values.take(index[0], axis)
    total = base
    for tap, weight in zip(index[1:], weights[1:], strict=True):
        part = values.take(tap, axis)
        part -= base  # differences, so that a constant comes out exactly
        part *= weight.reshape(across)
        total = np.add(total, part, out=part)
    return total


def at_spacing(scan: Scan, spacing_mm: Sequence[float]) -> Scan:
    """The scan as float32 on the grid nearest to `spacing_mm`, read lazily.

    The grid covers the scan's own stretch, so its true spacing may differ from the one asked for by
    less than half an output voxel over the whole axis. `scan` should be canonical.
    """
    own = scan.spacing_mm
    if own is None:
        raise BadRequest(
            "The scan does not say how large its voxels are.",
            expected="A scan with a spacing, for a model that works at one.",
            hint="Choose a model that works on the pixels as they are.",
        )
    axes = scan_axes(scan.grid, own, spacing_mm)
    ratios = [axis.ratio for axis in axes]
    scale = np.eye(4)
    for a, ratio in enumerate(ratios):
        scale[a, a], scale[a, 3] = ratio, 0.5 * ratio - 0.5

    most = max(1, int(_READ_VOXELS / prod(max(1.0, ratio) for ratio in ratios)))

    def read(box: Box) -> NDArray[Any]:
        out = np.empty((scan.shape[0], *box.shape), np.float32)
        for part in blocks(box.shape, most):  # what a part needs stays small, however fine the scan
            here = box.part(part)
            needed = needed_box(axes, here)
            out[(slice(None), *part.slices)] = resample_box(scan.read(needed), needed, axes, here)
        return out

    return replace(
        scan,
        shape=(scan.shape[0], *(axis.n_out for axis in axes)),
        dtype=np.dtype(np.float32),
        affine=scan.affine @ scale,
        spacing_mm=tuple(mm * ratio for mm, ratio in zip(own, ratios, strict=True)),
        reader=read,
        stored_shape=tuple(axis.n_out for axis in axes),
    )


def scan_axes(
    grid: Sequence[int], spacing_mm: Sequence[float], wanted_mm: Sequence[float]
) -> tuple[Axis, ...]:
    """The axes that bring a scan's grid to the spacing a network works at."""
    return tuple(
        Axis(n, resampled_length(n, own, wanted), widen=True)
        for n, own, wanted in zip(grid, spacing_mm, wanted_mm, strict=True)
    )
