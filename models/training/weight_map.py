"""The U-Net paper's weight map: rare classes and the gaps between touching objects count more.

Ronneberger et al. 2015 (arXiv:1505.04597), equation 2:

    w(x) = w_c(x) + w_0 * exp(-(d_1(x) + d_2(x))^2 / (2 sigma^2))

where w_c balances the classes and d_1, d_2 are the distances to the nearest object and to the
second nearest one.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_REACH = 3
"""Standard deviations beyond which the border's weight is nothing (exp(-4.5) = 1 %)."""


def weight_map(
    classes: NDArray[np.int32],
    objects: NDArray[np.int32],
    border: float,
    sigma: float,
    *,
    balance: bool,
) -> NDArray[np.float32]:
    """(*spatial), from classes and object numbers (0: none) on the same grid; distances in voxels.

    `border` is w_0. With `balance`, w_c is each class's inverse frequency, 1 on average.
    """
    weights = class_weights(classes) if balance else np.ones(classes.shape, np.float32)
    nearest, second = two_distances(objects, _REACH * sigma)
    return np.asarray(
        weights + border * np.exp(-((nearest + second) ** 2) / (2 * sigma**2)), np.float32
    )


def class_weights(classes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Each voxel's share of its class, so that all classes present weigh alike; 1 on average."""
    found, where, counts = np.unique(classes, return_inverse=True, return_counts=True)
    share = classes.size / (len(found) * counts)
    return np.asarray(share[where].reshape(classes.shape), np.float32)


def two_distances(
    objects: NDArray[np.int32], reach: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distances to the nearest object and to the second nearest, infinite beyond `reach`.

    Each object's distances are taken within its own surroundings, so that many cost little.
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
