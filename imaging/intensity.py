"""Normalises voxel values once per scan; the same code for training and inference.

Statistics are computed over the whole scan, block by block in a fixed order, so they do not depend
on the later tiling, and only one block is in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.errors import UnsupportedScan
from imaging.scan import Scan

BLOCK_VALUES = 1 << 20
_BINS = 1 << 16
_RESOLVED = 256
"""Number of histogram bins between two percentiles from which they are precise enough."""
_ZOOMS = 6
_LARGEST = float(np.finfo(np.float32).max)
_FLAT = 1e-7
"""Ratio of spread to shift below which float32 cannot distinguish the voxels."""


class IntensityRule(Protocol):
    """The parameters of a normalisation, such as a model card's `intensity`."""

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
    @property
    def clip(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Normalisation:
    """`(clip(v, low, high) - shift) / scale`, after non-finite voxels are set to `fill`."""

    shift: float
    scale: float
    low: float
    high: float
    fill: float
    nonfinite: int
    """Number of voxels that are NaN or infinite."""
    wide: bool = False
    """A voxel is so far from `shift` that the difference needs float64; decided once per scan."""
    extremes: tuple[float, float] = (-np.inf, np.inf)
    """Lowest and highest value of the scan."""

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """A normalised copy, float32, of the same shape, with finite values."""
        out = _single(values)
        if self.nonfinite:
            out[~np.isfinite(out)] = self.fill
        if np.isfinite(self.low) or np.isfinite(self.high):
            np.clip(out, self.low, self.high, out=out)
        if self.wide:
            far = (out.astype(np.float64) - self.shift) / self.scale
            return np.clip(far, -_LARGEST, _LARGEST).astype(np.float32)
        out -= np.float32(self.shift)
        out *= np.float32(1.0 / self.scale)
        return out


def scan_blocks(scan: Scan) -> Iterator[Box]:
    """Boxes that partition the grid, each of at most BLOCK_VALUES values (at least one voxel)."""
    return blocks(scan.grid, BLOCK_VALUES // scan.shape[0])


@dataclass(frozen=True, slots=True)
class _Totals:
    """Counts of voxels, and the sum and extremes of the finite ones."""

    count: int
    """Finite voxels."""
    nonfinite: int
    total: float
    low: float
    high: float


def percentiles(scan: Scan, percents: tuple[float, float]) -> tuple[float, float]:
    """The values at two percentiles (0 to 100) of the finite voxels.

    Exact to 1/256 of their distance. Raises UnsupportedScan if no voxel is finite.
    """
    totals = _totals(scan)
    return _percentiles(scan, totals.low, totals.high, totals.count, percents)


def normalisation(scan: Scan, rule: IntensityRule) -> Normalisation:
    """Measures `scan` without its padding; raises UnsupportedScan if no voxel is finite."""
    totals = _totals(scan)
    count, low, high = totals.count, totals.low, totals.high
    mean = totals.total / count
    shift, scale, clip = 0.0, 1.0, (-np.inf, np.inf)
    if rule.kind == "zscore":
        shift, scale = mean, _spread(scan, mean, count)
    elif rule.kind == "percentile":
        percents = (float(rule.lower or 0.0), float(rule.upper or 100.0))
        a, b = _percentiles(scan, low, high, count, percents)
        shift, scale = a, b - a
        clip = (a, b) if rule.clip else clip
    elif rule.kind == "fixed":
        shift, scale = rule.mean, rule.std
        clip = (
            -np.inf if rule.lower is None else rule.lower,
            np.inf if rule.upper is None else rule.upper,
        )
    if scale <= max(_FLAT * abs(shift), float(np.finfo(np.float32).tiny)):
        scale = 1.0
    farthest = max(abs(float(np.clip(end, *clip)) - shift) for end in (low, high))
    wide = farthest * max(1.0, 1.0 / scale) > _LARGEST / 2
    return Normalisation(
        shift,
        scale,
        *clip,
        fill=low,
        nonfinite=totals.nonfinite,
        wide=wide,
        extremes=(low, high),
    )


def _totals(scan: Scan) -> _Totals:
    count, nonfinite, total, low, high = 0, 0, 0.0, np.inf, -np.inf
    for box in scan_blocks(scan):
        values, bad = _real(scan, box)
        nonfinite += bad
        if values.size:
            count += values.size
            total += float(values.sum())
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    if count == 0:
        raise UnsupportedScan(
            "The scan contains no finite voxel.",
            expected="At least one voxel that is neither NaN, infinite nor padding.",
            hint="Check the program that wrote the scan, and upload it again.",
        )
    return _Totals(count, nonfinite, total, low, high)


def _single(block: NDArray[Any]) -> NDArray[np.float32]:
    """A copy in float32; values out of range become infinite and are treated as non-finite."""
    with np.errstate(over="ignore"):
        return block.astype(np.float32)


def _real(scan: Scan, box: Box) -> tuple[NDArray[np.float64], int]:
    """The finite values in `box` that are not padding, flat, and the number of non-finite ones."""
    block, padding = scan.read(box), scan.padding_in(box)
    return _finite(block if padding is None else block[:, ~padding])


def _finite(block: NDArray[Any]) -> tuple[NDArray[np.float64], int]:
    values = _single(block).astype(np.float64).ravel()
    if np.issubdtype(block.dtype, np.integer):
        return values, 0
    good = np.isfinite(values)
    bad = int(values.size - good.sum())
    return (values[good], bad) if bad else (values, 0)


def _spread(scan: Scan, mean: float, count: int) -> float:
    squares = sum(float(((_real(scan, box)[0] - mean) ** 2).sum()) for box in scan_blocks(scan))
    return float(np.sqrt(squares / count))


def _percentiles(
    scan: Scan, low: float, high: float, count: int, percents: tuple[float, float]
) -> tuple[float, float]:
    """Computed from histograms of 65,536 bins, at least 256 of them between the two percentiles.

    The first histogram covers the whole range. If an outlier stretches it so far that the
    percentiles are too close together, the next histogram covers only the values near them.
    """
    first = second = low
    for _ in range(_ZOOMS):
        if not high > low:
            return (low, low) if high == low else (first, second)
        histogram, before = _histogram(scan, low, high)
        below = before + np.cumsum(histogram)
        width = (high - low) / _BINS
        a, b = (int(np.searchsorted(below, count * p / 100.0)) for p in percents)
        first, second = low + width * a, low + width * b
        if b - a >= _RESOLVED:
            break
        if b < _BINS - 1:  # the sum may round to below `high`, the end of the last bin
            high = min(high, second + width)
        low, high = _extent(scan, first, high)
    return first, second


def _histogram(scan: Scan, low: float, high: float) -> tuple[NDArray[np.int64], int]:
    """Number of voxels per bin of [low, high], and number of voxels below `low`."""
    histogram, before = np.zeros(_BINS, np.int64), 0
    for box in scan_blocks(scan):
        values, _ = _real(scan, box)
        histogram += np.histogram(values, bins=_BINS, range=(low, high))[0]
        before += int((values < low).sum())
    return histogram, before


def _extent(scan: Scan, low: float, high: float) -> tuple[float, float]:
    """The lowest and highest voxel value in [low, high]."""
    first, last = np.inf, -np.inf
    for box in scan_blocks(scan):
        values, _ = _real(scan, box)
        near = values[(values >= low) & (values <= high)]
        first = min(first, float(near.min(initial=np.inf)))
        last = max(last, float(near.max(initial=-np.inf)))
    return first, last
