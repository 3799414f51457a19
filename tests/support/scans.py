"""Scans in memory."""

import numpy as np
from scipy.ndimage import gaussian_filter

from imaging.box import Box
from imaging.scan import Scan


def noise(
    shape: tuple[int, ...], spacing_mm: tuple[float, ...] | None = None, seed: int = 0
) -> Scan:
    """Smooth noise of `shape` (c, *spatial), on canonical axes."""
    rough = np.random.default_rng(seed).normal(size=shape)
    values = gaussian_filter(rough, (0, *(1.5 for _ in shape[1:]))).astype(np.float32)
    return scan_of(values, spacing_mm)


def scan_of(values: np.ndarray, spacing_mm: tuple[float, ...] | None = None) -> Scan:
    """A scan of `values` (c, *spatial) whose axes are those of the world."""
    affine = np.diag([*spacing_mm, 1.0]) if spacing_mm and len(spacing_mm) == 3 else np.eye(4)

    def read(box: Box) -> np.ndarray:
        return values[(slice(None), *box.slices)]

    grid = values.shape[1:]
    return Scan(values.shape, values.dtype, affine, spacing_mm, "nifti", read, grid)
