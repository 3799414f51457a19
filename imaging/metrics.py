"""How far a mask is from a reference: overlap and distance, per label."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def dice(found: NDArray[np.bool_], reference: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty (Dice 1945)."""
    total = int(found.sum()) + int(reference.sum())
    return 2.0 * int((found & reference).sum()) / total if total else 1.0


def hd95(
    found: NDArray[np.bool_], reference: NDArray[np.bool_], spacing_mm: tuple[float, ...]
) -> float:
    """95th percentile of the distances between the two surfaces, both ways together, in mm.

    0 where both are empty, infinite where one is. A surface voxel is one with a face neighbour
    outside; beyond the image's edge is outside.
    """
    if not found.any() or not reference.any():
        return 0.0 if found.any() == reference.any() else float("inf")
    ours, theirs = _surface(found), _surface(reference)
    to_theirs = ndimage.distance_transform_edt(~theirs, sampling=spacing_mm)[ours]
    to_ours = ndimage.distance_transform_edt(~ours, sampling=spacing_mm)[theirs]
    return float(np.percentile(np.concatenate([to_theirs, to_ours]), 95))


def _surface(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    inner: NDArray[np.bool_] = ndimage.binary_erosion(mask, border_value=0)
    return mask & ~inner
