"""How much of a mask and of a reference is the same, and how much too large the mask is."""

import numpy as np
from numpy.typing import NDArray


def dice(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty (Dice 1945)."""
    total = int(found.sum()) + int(reference.sum())
    return 2.0 * int((found & reference).sum()) / total if total else 1.0


def size_error(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], voxel: float
) -> tuple[float, float | None]:
    """Found minus reference, in units of which a voxel is `voxel`, and in percent of the reference.

    Above 0 the mask is too large. No percentage where the reference is empty.
    """
    size = int(reference.sum())
    excess = int(found.sum()) - size
    return excess * voxel, 100.0 * excess / size if size else None
