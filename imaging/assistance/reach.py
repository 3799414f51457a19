"""How far strokes reach: the longer a stroke, the larger the part that it is drawn through.

    1 - t^2
    1 |   ___                      t: distance to the stroke, relative to its reach
      |  /   \\
    0 |_/     \\____                0: the present mask holds
        stroke
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them
from numpy.typing import NDArray

from imaging.assistance.question import Mask

REACH = 0.6
"""Reach of a stroke, relative to the diagonal of its bounding box."""
LEAST_VOXELS = 3.0
"""Least reach, in edges of the smallest side of a voxel; a click has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Where strokes that contradict the mask are trusted more than the mask."""

    trust: NDArray[np.float32]
    """Trust in the strokes: 1 on them, 0 from their reach on, of the shape of the box."""
    voxels: float
    """The longest reach of a stroke, in edges of the smallest side of a voxel; 0 without any."""


def reach_of(strokes: Mask, where: Mask, spacing: Sequence[float]) -> Reach:
    """The reach of `strokes`, which act in the voxels `where` alone. Each connected piece of them
    is a stroke of its own."""
    sides = np.asarray(spacing, np.float64)
    trust = np.zeros(strokes.shape, np.float32)
    numbers, _ = scipy.ndimage.label(strokes, np.ones((3,) * strokes.ndim))
    longest = 0.0
    for number, place in enumerate(scipy.ndimage.find_objects(numbers), 1):
        edges = np.array([side.stop - side.start for side in place])
        reach = max(REACH * float(np.linalg.norm(edges * sides)), LEAST_VOXELS * sides.min())
        longest = max(longest, reach / sides.min())
        margin = np.ceil(reach / sides).astype(int)
        around = tuple(
            slice(max(0, side.start - grown), side.stop + grown)
            for side, grown in zip(place, margin.tolist(), strict=True)
        )
        distance = scipy.ndimage.distance_transform_edt(numbers[around] != number, sampling=sides)
        here = 1 - np.minimum(1, distance / reach) ** 2
        trust[around] = np.maximum(trust[around], here)
    return Reach(np.where(where, trust, 0), longest)
