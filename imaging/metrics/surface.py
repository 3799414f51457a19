"""Distances between the surface of a mask and the surface of a reference."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

_ROUNDING = 1e-6
"""Relative slack: a NIfTI's spacing of 1.2 mm is a float32 just above 1.2."""


def hd95(predicted: Mask, reference: Mask, spacing_mm: tuple[float, ...]) -> float:
    """95th percentile in mm of the distances between the two surfaces, in both directions together.

    0 if both masks are empty, infinite if one is. A surface voxel has a face neighbour outside the
    mask; everything beyond the image's edge is outside.
    """
    if not predicted.any() or not reference.any():
        return 0.0 if predicted.any() == reference.any() else float("inf")
    ours, theirs = (_surface(mask) for mask in _cropped(predicted, reference))
    to_theirs = ndimage.distance_transform_edt(~theirs, sampling=spacing_mm)[ours]
    to_ours = ndimage.distance_transform_edt(~ours, sampling=spacing_mm)[theirs]
    return float(np.percentile(np.concatenate([to_theirs, to_ours]), 95))


def surface_dice(
    predicted: Mask, reference: Mask, spacing_mm: tuple[float, ...], tolerance_mm: float
) -> float:
    """The fraction of both surfaces that is within `tolerance_mm` of the other one, 0 to 1.

    Nikolov et al. 2018 (arXiv:1809.04430). As in that paper, surface elements are at the corners of
    voxels, between inside and outside, and are weighted by their area (in an image: their length).
    1 if both masks are empty, 0 if one is; everything beyond the image's edge is outside.
    """
    if not predicted.any() or not reference.any():
        return float(predicted.any() == reference.any())
    ours, theirs = (_areas(mask, spacing_mm) for mask in _cropped(predicted, reference))
    reach = tolerance_mm * (1 + _ROUNDING)
    near_theirs = ndimage.distance_transform_edt(theirs == 0, sampling=spacing_mm) <= reach
    near_ours = ndimage.distance_transform_edt(ours == 0, sampling=spacing_mm) <= reach
    close = ours[near_theirs].sum() + theirs[near_ours].sum()
    return float(close / (ours.sum() + theirs.sum()))


def _cropped(predicted: Mask, reference: Mask) -> tuple[Mask, Mask]:
    """Both masks, cropped to the smallest box that contains both."""
    (box,) = ndimage.find_objects((predicted | reference).astype(np.uint8))
    return predicted[box], reference[box]


def _surface(mask: Mask) -> Mask:
    inner: Mask = ndimage.binary_erosion(mask, border_value=0)
    return mask & ~inner


def _areas(mask: Mask, spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """The area of the surface at each corner of the voxels; 0 where no surface passes.

    Between the 2 x 2 x 2 voxels that meet in a corner there are four edges along each axis. The
    fraction of them that the surface crosses is the fraction of the face across that axis that it
    covers. These three areas are the components of the element's area vector.

        inside | outside        along -: 2 of 2 edges crossed, along |: none; length 1
        inside | outside        (an image's corner, with 2 edges along each axis)
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
