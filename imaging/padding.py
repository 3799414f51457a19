"""Padding: voxels outside of what was acquired, such as the corners of a round CT image.

Their values mean nothing. They are left out of statistics, and interpolation never mixes them with
the values of real voxels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Interpolate = Callable[[NDArray[Any]], NDArray[Any]]
"""(c, *in) -> (c, *out): a linear interpolation whose weights add up to 1."""
_HALF = 0.5


def interpolated(
    values: NDArray[Any], padding: NDArray[np.bool_] | None, interpolate: Interpolate
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Values (c, *in) after interpolation, and which voxels (*out) are padding; None for none.

    A voxel of the result is padding where at least half of its weight is. It is the mean of padding
    alone, and every other voxel the mean of real voxels alone.
    """
    if padding is None or not padding.any():
        return interpolate(values), None
    real = interpolate((~padding).astype(np.float32)[np.newaxis])
    padded = real <= _HALF
    share = np.where(padded, 1 - real, real)
    inside = interpolate(np.where(padding, 0, values))
    outside = interpolate(np.where(padding, values, 0))
    mean = np.where(padded, outside, inside) / share
    return mean.astype(inside.dtype, copy=False), padded[0]
