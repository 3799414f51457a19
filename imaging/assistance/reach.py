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


def distance_to(
    strokes: Sequence[tuple[Mask, Mask]], spacing: Sequence[float]
) -> NDArray[np.float32]:
    """Distance to the nearest stroke, relative to its reach; infinite from FAR on.

    `strokes`: voxels of strokes, and where these may change something: the distance is infinite
    outside. Each connected piece of them is a stroke with a reach of its own.
    """
    nearest = np.full(strokes[0][0].shape, np.inf, np.float32)
    for voxels, where in strokes:
        if voxels.any():
            _measure(nearest, voxels, where, np.asarray(spacing, np.float64))
    return nearest


def _measure(
    nearest: NDArray[np.float32], strokes: Mask, where: Mask, sides: NDArray[np.float64]
) -> None:
    """Lowers `nearest` to the distance to these strokes."""
    box = bounds(strokes)
    numbers, _ = scipy.ndimage.label(strokes[box], np.ones((3,) * strokes.ndim))
    for number, place in enumerate(scipy.ndimage.find_objects(numbers), 1):
        edges = np.array([side.stop - side.start for side in place])
        reach = max(REACH * float(np.linalg.norm(edges * sides)), LEAST_VOXELS * sides.min())
        margin = np.ceil(FAR * reach / sides).astype(int).tolist()
        first = [whole.start + side.start for whole, side in zip(box, place, strict=True)]
        low = [max(0, start - grown) for start, grown in zip(first, margin, strict=True)]
        high = np.add(first, edges + margin).tolist()
        around = tuple(slice(*ends) for ends in zip(low, high, strict=True))
        others = np.ones(nearest[around].shape, bool)
        inner = tuple(
            slice(start - begin, start - begin + edge)
            for start, begin, edge in zip(first, low, edges.tolist(), strict=True)
        )
        others[inner] = numbers[place] != number
        distance = _distance(others, sides, inner) / np.float32(reach)
        distance[~where[around] | (distance >= FAR)] = np.inf
        np.minimum(nearest[around], distance, out=nearest[around])


def _distance(
    others: Mask, sides: NDArray[np.float64], inner: tuple[slice, ...]
) -> NDArray[np.float32]:
    """Distance of each voxel to the nearest one of a stroke: those in `inner` that are no others.

    A stroke is mostly drawn on one slice: then it is measured there, and the distance to the slice
    is added by the theorem of Pythagoras.
    """
    thin = [axis for axis, side in enumerate(inner) if side.stop - side.start == 1]
    if not thin or others.ndim < 3:
        return np.asarray(scipy.ndimage.distance_transform_edt(others, sides), np.float32)
    axis = thin[0]
    across = np.arange(others.shape[axis]) - inner[axis].start
    measured = np.take(others, inner[axis].start, axis)
    along = scipy.ndimage.distance_transform_edt(measured, np.delete(sides, axis))
    shape = [-1 if other == axis else 1 for other in range(others.ndim)]
    squares = np.square(across * sides[axis]).astype(np.float32).reshape(shape)
    total = np.expand_dims(np.square(along).astype(np.float32), axis) + squares
    return np.asarray(np.sqrt(total, out=total))


def bounds(voxels: Mask) -> tuple[slice, ...]:
    """The smallest box around voxels, of which there must be one."""
    axes = range(voxels.ndim)
    lines = [voxels.any(tuple(other for other in axes if other != axis)) for axis in axes]
    ends = [np.flatnonzero(line)[[0, -1]].tolist() for line in lines]
    return tuple(slice(first, last + 1) for first, last in ends)


def trust_in(distance: NDArray[np.float32], certainty: NDArray[np.float32]) -> NDArray[np.float32]:
    """Trust in the strokes against the mask, 0 to 1.

    `certainty`: likelihood that a voxel is what the stroke says, by its values alone.
    """
    near = 1 - np.minimum(1, distance) ** 2
    sure = np.clip((certainty - _CERTAIN) / (1 - _CERTAIN), 0, 1)
    far = sure * (1 - np.minimum(1, distance / FAR) ** 2)
    return np.asarray(np.maximum(near, far), np.float32)
