"""Polygons on a grid of pixels."""

import numpy as np
from numpy.typing import NDArray


def filled(polygon: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels inside a polygon (n, 2) of (row, column), by the even-odd rule.

    An edge counts if it crosses the middle of a row left of the pixel's centre.
    """
    inside = np.zeros(shape, bool)
    columns = np.arange(shape[1])
    for a, b in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        low, high = sorted((a, b), key=lambda point: point[0])
        for row in range(int(np.ceil(low[0])), int(np.ceil(high[0]))):
            at = low[1] + (row - low[0]) / (high[0] - low[0]) * (high[1] - low[1])
            inside[row] ^= columns >= at
    return inside
