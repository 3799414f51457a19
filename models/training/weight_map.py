"""The U-Net paper's weight map: higher weights for rare classes and gaps between objects.

Ronneberger et al. 2015 (arXiv:1505.04597), equation 2:

    w(x) = w_c(x) + w_0 * exp(-(d_1(x) + d_2(x))^2 / (2 sigma^2))

where w_c balances the classes and d_1, d_2 are the distances to the nearest object and to the
second nearest one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_REACH = 3
"""Standard deviations beyond which the border's weight is negligible (exp(-4.5) = 1 %)."""


def weight_map(
    classes: NDArray[np.int32],
    objects: NDArray[np.int32],
    border: float,
    sigma: float,
    *,
    balance: bool,
) -> NDArray[np.float32]:
    """Weights (*spatial) from classes and object numbers (0: none) on the same grid.

    `border` is w_0; distances are in voxels. With `balance`, w_c is the inverse frequency of each
    class, 1 on average.
    """
    weights = class_weights(classes) if balance else np.ones(classes.shape, np.float32)
    nearest, second = two_distances(objects, _REACH * sigma)
    return np.asarray(
        weights + border * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)), np.float32
    )


def class_weights(classes: NDArray[np.int32]) -> NDArray[np.float32]:
    """The inverse frequency of each voxel's class, 1 on average: all present classes weigh the
    same."""
    present, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    weights = classes.size / (len(present) * counts)
    return np.asarray(weights[index].reshape(classes.shape), np.float32)


def two_distances(
    objects: NDArray[np.int32], reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distances in voxels to the nearest and second nearest object, infinite beyond `reach`.

    Each object's distances are computed only in its surroundings, so that many objects are cheap.
    """
    nearest = np.full(objects.shape, np.inf, np.float32)
    second = nearest.copy()
    margin = int(np.ceil(reach))
    for number, box in enumerate(ndimage.find_objects(objects), start=1):
        if box is None:
            continue
        around = tuple(slice(max(0, s.start - margin), s.stop + margin) for s in box)
        distance = ndimage.distance_transform_edt(objects[around] != number)
        distance = np.where(distance <= reach, distance, np.inf).astype(np.float32)
        nearer, farther = nearest[around], second[around]
        second[around] = np.minimum(farther, np.maximum(nearer, distance))
        nearest[around] = np.minimum(nearer, distance)
    return nearest, second
