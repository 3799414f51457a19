"""How much the values of a voxel resemble those of the label and those around it."""

from typing import Any

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.assistance.question import Mask

_BINS = 32
_SMOOTHING = 1.5
"""Standard deviation in bins."""
_RARE = 0.01
"""Share of the voxels that is spread over all bins: no value is impossible."""
_ENOUGH = 200_000
"""Values that a histogram is made of, if there are so many."""
_MOST = 10.0
"""Largest logarithm of a ratio."""


def likelihood(values: NDArray[np.float32], inside: Mask, outside: Mask) -> NDArray[np.float32]:
    """Probability, 0 to 1, that a voxel belongs to the label, by its values alone.

    `values`: (c, *box). From histograms of the voxels `inside` and `outside`, with neither of them
    more likely before; channels count as independent. 0.5 everywhere where one of them is empty.
    """
    odds = np.zeros(values.shape[1:], np.float32)  # their logarithm, until the end
    if inside.any() and outside.any():
        known = inside | outside
        for channel in values:
            low, high = np.percentile(_sample(channel[known]), (0.5, 99.5))
            scale = _BINS / (float(high - low) or 1.0)
            bins = np.clip((channel - low) * scale, 0, _BINS - 1).astype(np.uint8)
            table = np.log(_density(_sample(bins[inside])) / _density(_sample(bins[outside])))
            odds += table.astype(np.float32)[bins]
    np.clip(odds, -_MOST, _MOST, out=odds)
    np.exp(np.negative(odds, out=odds), out=odds)
    odds += 1
    return np.reciprocal(odds, out=odds)


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    """At least _ENOUGH of the values, evenly spread, or all if there are fewer."""
    return values[:: max(1, values.size // _ENOUGH)]


def _density(bins: NDArray[np.uint8]) -> NDArray[np.float64]:
    counts = np.bincount(bins, minlength=_BINS) / bins.size
    smooth = scipy.ndimage.gaussian_filter1d(counts, _SMOOTHING, mode="nearest")
    return np.asarray((1 - _RARE) * smooth + _RARE / _BINS)
