"""Normalises voxels once per image; one implementation for training and serving.

Statistics are taken from the whole scan, slab by slab in a fixed order, so they do not depend on how
the scan is tiled afterwards, and never hold more than a slab.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.scan import Scan

SLAB_VOXELS = 1 << 22
_BINS = 1 << 16


class Recipe(Protocol):
    """What normalise needs to know; a model card's `intensity` is one."""

    @property
    def kind(self) -> str: ...
    @property
    def lower(self) -> float | None: ...
    @property
    def upper(self) -> float | None: ...
    @property
    def mean(self) -> float: ...
    @property
    def std(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Normalisation:
    """`(clip(v, low, high) - shift) / scale`, with non-finite voxels set to `fill` first."""

    shift: float
    scale: float
    low: float
    high: float
    fill: float
    nonfinite: int
    """How many voxels were NaN or infinite."""

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Normalised copy, float32, of the same shape."""
        out = values.astype(np.float32)
        if self.nonfinite:
            out[~np.isfinite(out)] = self.fill
        if np.isfinite(self.low) or np.isfinite(self.high):
            np.clip(out, self.low, self.high, out=out)
        out -= np.float32(self.shift)
        out *= np.float32(1.0 / self.scale)
        return out


def slabs(scan: Scan) -> Iterator[Box]:
    """Boxes that partition the grid along its first axis, about SLAB_VOXELS each."""
    grid = scan.grid
    per_row = max(1, scan.shape[0] * int(np.prod(grid[1:])))
    step = max(1, SLAB_VOXELS // per_row)
    for start in range(0, grid[0], step):
        stop = min(start + step, grid[0])
        yield Box((start,) + (0,) * (len(grid) - 1), (stop, *grid[1:]))


def normalisation(scan: Scan, recipe: Recipe) -> Normalisation:
    """Measures `scan` as `recipe` asks; raises UnsupportedScan where no voxel is finite."""
    count, nonfinite, total, low, high = 0, 0, 0.0, np.inf, -np.inf
    for box in slabs(scan):
        values, bad = _finite(scan.read(box))
        nonfinite += bad
        if values.size:
            count += values.size
            total += float(values.sum())
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if count == 0:
        raise UnsupportedScan(
            "The scan holds no finite voxel.",
            expected="At least one voxel that is neither NaN nor infinite.",
            todo="Check how the scan was written.",
        )
    mean = total / count
    shift, scale, clip = 0.0, 1.0, (-np.inf, np.inf)
    if recipe.kind == "zscore":
        shift, scale = mean, _spread(scan, mean, count)
    elif recipe.kind == "percentile":
        percents = (float(recipe.lower or 0.0), float(recipe.upper or 100.0))
        a, b = _percentiles(scan, low, high, count, percents)
        shift, scale = a, b - a
    elif recipe.kind == "fixed":
        shift, scale = recipe.mean, recipe.std
        clip = (
            -np.inf if recipe.lower is None else recipe.lower,
            np.inf if recipe.upper is None else recipe.upper,
        )
    return Normalisation(shift, scale if scale > 0 else 1.0, *clip, fill=low, nonfinite=nonfinite)


def _finite(block: NDArray[Any]) -> tuple[NDArray[np.float64], int]:
    values = block.astype(np.float64).ravel()
    if np.issubdtype(block.dtype, np.integer):
        return values, 0
    good = np.isfinite(values)
    bad = int(values.size - good.sum())
    return (values[good], bad) if bad else (values, 0)


def _spread(scan: Scan, mean: float, count: int) -> float:
    squares = sum(float(((_finite(scan.read(box))[0] - mean) ** 2).sum()) for box in slabs(scan))
    return float(np.sqrt(squares / count))


def _percentiles(
    scan: Scan, low: float, high: float, count: int, percents: tuple[float, float]
) -> tuple[float, float]:
    """From a histogram of 65,536 bins: exact to a 65,536th of the range."""
    if not high > low:
        return low, low
    histogram = np.zeros(_BINS, np.int64)
    for box in slabs(scan):
        values, _ = _finite(scan.read(box))
        histogram += np.histogram(values, bins=_BINS, range=(low, high))[0]
    below = np.cumsum(histogram)
    width = (high - low) / _BINS
    first, second = (
        low + width * int(np.searchsorted(below, count * p / 100.0)) for p in percents
    )
    return first, second
