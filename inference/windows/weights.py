"""The weights with which overlapping windows are blended."""

import numpy as np
from numpy.typing import NDArray

from models.windows import Windows

_FLOOR = 1e-3
"""MONAI's least weight (monai.data.utils.compute_importance_map)."""
_HIGHEST = 10.0
"""nnU-Net's highest weight (nnunetv2.inference.sliding_window_prediction.compute_gaussian)."""
_REACH = 4.0
"""Standard deviations after which scipy.ndimage.gaussian_filter, which nnU-Net uses, ends."""


def window_weights(windows: Windows) -> NDArray[np.float32]:
    """Weights (*patch), all above 0."""
    patch = windows.network_patch
    if windows.weights == "constant":
        weights = np.ones(patch, np.float32)
    elif windows.weights == "gaussian":
        weights = _from_the_middle(patch, windows.sigma)
    else:
        weights = _from_a_voxel(patch, windows.sigma)
    return weights.reshape(windows.patch)


def _from_the_middle(patch: tuple[int, ...], sigma: float) -> NDArray[np.float32]:
    """Centred in the middle, (n - 1) / 2, and not below _FLOOR."""
    weights: NDArray[np.float32] = np.ones((), np.float32)
    for n in patch:
        offset = np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)
        line = np.exp(offset**2 / np.float32(-2 * (n * sigma) ** 2))
        weights = weights[..., np.newaxis] * line
    return np.maximum(weights, _FLOOR, dtype=np.float32)


def _from_a_voxel(patch: tuple[int, ...], sigma: float) -> NDArray[np.float32]:
    """Centred on the voxel n // 2, at most _HIGHEST, in 16 bits without zeros."""
    weights = np.ones(())
    for n in patch:
        offset = np.arange(n) - n // 2
        line = np.exp(-0.5 * (offset / (n * sigma)) ** 2)
        line[np.abs(offset) > int(_REACH * n * sigma + 0.5)] = 0
        weights = weights[..., np.newaxis] * line
    rounded: NDArray[np.float16] = (weights * (_HIGHEST / weights.max())).astype(np.float16)
    rounded[rounded == 0] = rounded[rounded > 0].min()
    return rounded.astype(np.float32)
