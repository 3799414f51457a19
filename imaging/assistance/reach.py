"""How far strokes reach: the longer a stroke, the larger the part that it is drawn through.

Within its reach a stroke is trusted more than the mask. Farther away, up to `FAR` times its reach,
it is trusted where the values leave hardly a doubt.
"""

from collections.abc import Sequence

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.assistance.question import Mask

REACH = 0.6
"""Reach of a stroke, relative to the diagonal of its bounding box."""
LEAST_VOXELS = 3.0
"""Least reach, in edges of the smallest side of a voxel; a click has it."""
FAR = 2.5
_CERTAIN = 0.8
"""Likelihood from which on a stroke is trusted beyond its reach, increasing until 1."""


def distance_to(strokes: Mask, where: Mask, spacing: Sequence[float]) -> NDArray[np.float32]:
    """Distance to the strokes, relative to their reach; infinite beyond FAR, and outside `where`.

    Each connected piece of them is a stroke with a reach of its own.
    """
    sides = np.asarray(spacing, np.float64)
    nearest = np.full(strokes.shape, np.inf, np.float32)
    numbers = _numbered(strokes)
    for number, place in enumerate(scipy.ndimage.find_objects(numbers), 1):
        edges = np.array([side.stop - side.start for side in place])
        reach = max(REACH * float(np.linalg.norm(edges * sides)), LEAST_VOXELS * sides.min())
        margin = np.ceil(FAR * reach / sides).astype(int)
        around = tuple(
            slice(max(0, side.start - grown), side.stop + grown)
            for side, grown in zip(place, margin.tolist(), strict=True)
        )
        distance = scipy.ndimage.distance_transform_edt(numbers[around] != number, sampling=sides)
        nearest[around] = np.minimum(nearest[around], distance / reach)
    return np.where(where & (nearest < FAR), nearest, np.float32(np.inf))


def _numbered(strokes: Mask) -> NDArray[np.int32]:
    """The number of each voxel's connected piece, from 1; 0 outside."""
    numbers = np.zeros(strokes.shape, np.int32)
    for place in scipy.ndimage.find_objects(strokes.astype(np.uint8)):
        numbers[place], _ = scipy.ndimage.label(strokes[place], np.ones((3,) * strokes.ndim))
    return numbers


def trust_in(distance: NDArray[np.float32], certainty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Trust in the strokes against the mask, 0 to 1.

    `certainty`: likelihood that a voxel is what the stroke says, by its values alone.
    """
    near = 1 - np.minimum(1, distance) ** 2
    sure = np.clip((certainty - _CERTAIN) / (1 - _CERTAIN), 0, 1)
    far = sure * (1 - np.minimum(1, distance / FAR) ** 2)
    return np.asarray(np.maximum(near, far), np.float32)
