"""How far the surface of a mask is from that of a reference."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

_ROUNDING = 1e-6
"""A NIfTI's spacing of 1.2 mm, a float32, is more than 1.2; a shift of a voxel is still 1.2 mm."""


def hd95(found: Mask, reference: Mask, spacing_mm: tuple[float, ...]) -> float:
    """95th percentile of the distances between the two surfaces, both ways together, in mm.

    0 where both are empty, infinite where one is. A surface voxel is one with a face neighbour
    outside; beyond the image's edge is outside.
    """
    if not found.any() or not reference.any():
        return 0.0 if found.any() == reference.any() else float("inf")
    ours, theirs = (_surface(mask) for mask in _cropped(found, reference))
    to_theirs = ndimage.distance_transform_edt(~theirs, sampling=spacing_mm)[ours]
    to_ours = ndimage.distance_transform_edt(~ours, sampling=spacing_mm)[theirs]
    return float(np.percentile(np.concatenate([to_theirs, to_ours]), 95))


def surface_dice(
    found: Mask, reference: Mask, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> float:
    """The share of both surfaces that lies within `tolerance_mm` of the other one, 0 to 1.

    Nikolov et al. 2018 (arXiv:1809.04430). As there, the surface's elements lie at the corners of
    voxels, between inside and outside, and count by their area (of a picture: by their length). 1
    where both masks are empty, 0 where one is; beyond the image's edge is outside.
    """
    if not found.any() or not reference.any():
        return float(found.any() == reference.any())
    ours, theirs = (_areas(mask, spacing_mm) for mask in _cropped(found, reference))
    reach = tolerance_mm * (1 + _ROUNDING)
    near_theirs = ndimage.distance_transform_edt(theirs == 0, sampling=spacing_mm) <= reach
    near_ours = ndimage.distance_transform_edt(ours == 0, sampling=spacing_mm) <= reach
    close = ours[near_theirs].sum() + theirs[near_ours].sum()
    return float(close / (ours.sum() + theirs.sum()))


def _cropped(found: Mask, reference: Mask) -> tuple[Mask, Mask]:
    """Both masks in the smallest box that holds them: all their surfaces, none of the rest."""
    (box,) = ndimage.find_objects((found | reference).astype(np.uint8))
    return found[box], reference[box]


def _surface(mask: Mask) -> Mask:
    inner: Mask = ndimage.binary_erosion(mask, border_value=0)
    return mask & ~inner


def _areas(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """The area of the surface around each corner of the voxels; 0 where none passes.

    Between the 2 x 2 x 2 voxels that meet in a corner run four edges along each axis. The share of
    them that the surface crosses is how much of the face across that axis it fills; the three such
    areas are the components of the element's own.

        inside | outside        along -: 2 of 2 edges cross, along |: none; length 1
        inside | outside        (a picture's corner, with 2 edges along each axis)
    """
    bordered = np.pad(mask, 1).astype(np.int8)
    squares = np.zeros([n + 1 for n in mask.shape])
    for axis, spacing in enumerate(spacing_mm):
        crossed = np.abs(np.diff(bordered, axis=axis))
        for other in set(range(mask.ndim)) - {axis}:
            before, after = (slice(None),) * other, (slice(1, None), slice(None, -1))
            crossed = crossed[(*before, after[0])] + crossed[(*before, after[1])]
        face = float(np.prod(spacing_mm)) / spacing
        squares += (crossed * (face / 2 ** (mask.ndim - 1))) ** 2
    return np.asarray(np.sqrt(squares))
