"""What is compared: the assistants of Tessera, a brush, and other methods with hard seeds."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import random_walker

from imaging.assistance.assistants import ASSISTANTS
from imaging.assistance.question import Mask, Question

REACH = 0.6
"""Reach of a stroke for the hard seeds, relative to its diagonal, as in imaging/assistance."""


def brush(question: Question) -> Mask:
    """Changes the voxels of the strokes alone."""
    return (question.mask | question.foreground) & ~question.background


def watershed(question: Question) -> Mask:
    """scipy's image foresting transform on the values."""
    values = question.values[0]
    low, high = np.percentile(values, (0.5, 99.5))
    scaled = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    return np.asarray(ndimage.watershed_ift(scaled, _seeds(question).astype(np.int16)) == 2)


def walker(question: Question) -> Mask:
    """scikit-image's random walker, with its default beta."""
    seeds = _seeds(question)
    if not (seeds == 0).any():
        return seeds == 2
    values = question.values[0] / question.values[0].std()
    result = random_walker(values, seeds, mode="cg_j", tol=1e-2, spacing=question.spacing)
    return np.asarray(result == 2)


def _seeds(question: Question) -> NDArray[np.int32]:
    """2: label, 1: not, 0: to be decided, which is what is in reach of a stroke that contradicts
    the mask, and the border of the mask there."""
    add, remove = question.foreground & ~question.mask, question.background & question.mask
    open_ = np.zeros(question.mask.shape, bool)
    for strokes, where in ((add, ~question.mask), (remove, question.mask)):
        if strokes.any():
            open_ |= where & _near(strokes, question.spacing)
    seeds = np.where(question.mask, 2, 1)
    seeds[ndimage.binary_dilation(open_, iterations=2)] = 0
    seeds[question.foreground], seeds[question.background] = 2, 1
    return seeds.astype(np.int32)


def _near(strokes: Mask, spacing: tuple[float, ...]) -> Mask:
    numbers, _ = ndimage.label(strokes, np.ones((3, 3, 3)))
    near = np.zeros(strokes.shape, bool)
    for number, place in enumerate(ndimage.find_objects(numbers), 1):
        edges = np.array([side.stop - side.start for side in place]) * spacing
        distance = ndimage.distance_transform_edt(numbers != number, sampling=spacing)
        near |= distance < max(REACH * float(np.linalg.norm(edges)), 3 * min(spacing))
    return near


METHODS: Mapping[str, Callable[[Question], Mask]] = {
    "brush": brush,
    **{name: one.refine for name, one in ASSISTANTS.items()},
    "watershed": watershed,
    "random walker, hard seeds": walker,
}
