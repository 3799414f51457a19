"""Checks of an affine that a file's header gives."""

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnsupportedScan

ORIENTATION_UNKNOWN = (
    "The file does not say how the scan is oriented: left and right may be swapped."
)
"""A warning."""
_SINGULAR = 1e-6
"""|det| of the unit-length columns below which the axes count as parallel."""


def is_valid(affine: NDArray[np.float64]) -> bool:
    """Whether `affine`, (4, 4), is finite and its three axes span space."""
    if not np.isfinite(affine).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not (lengths > 0).all() or not np.isfinite(lengths).all():
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) > _SINGULAR)


def invalid_affine() -> UnsupportedScan:
    """The error for an affine that is not valid."""
    return UnsupportedScan(
        "The scan's affine is singular or not finite: its voxels have no position in space.",
        expected="An affine whose three axes have a length and point in different directions.",
        hint="Set a valid affine, for example from the original series, and send the scan again.",
    )
