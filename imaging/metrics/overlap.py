"""Overlap of a mask with a reference, and the error of its size."""

import numpy as np
from numpy.typing import NDArray


def dice(predicted: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 if both are empty (Dice 1945)."""
    total = int(predicted.sum()) + int(reference.sum())
    return 2.0 * int((predicted & reference).sum()) / total if total else 1.0


def size_error(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_], voxel: float
) -> tuple[float, float | None]:
    """Size of the mask minus size of the reference, and the same in percent of the reference.

    `voxel`: size of a voxel, in the unit of the result. Positive: the mask is too large. The
    percentage is None if the reference is empty.
    """
    size = int(reference.sum())
    excess = int(predicted.sum()) - size
    return excess * voxel, 100.0 * excess / size if size else None
