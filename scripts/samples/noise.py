"""Smooth random fields."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage


def smooth(random: Generator, shape: tuple[int, ...], sigma: float) -> NDArray[np.float64]:
    """Noise of the standard deviation 1, blurred by `sigma` voxels."""
    field = ndimage.gaussian_filter(random.standard_normal(shape), sigma)
    return np.asarray(field / field.std())
