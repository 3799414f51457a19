"""A random walker on the values of the scan, with the present mask as its prior.

A stroke that agrees with the mask changes nothing. One that contradicts it is trusted more than the
mask within its reach; there, the values decide, and edges hold the walker up. Only changes that are
connected with such a stroke are made.
"""

import numpy as np
import scipy  # loads its parts at their first use; the gateway never uses them

from imaging.assistance.lattice import Values
from imaging.assistance.levels import solved
from imaging.assistance.likelihood import likelihood
from imaging.assistance.question import Mask, Question
from imaging.assistance.reach import Reach, reach_of

MASK_STRENGTH = 10.0
"""How strongly a voxel out of reach is tied to the mask, for a reach of one voxel; it decreases
with the square of the reach, as a walker's way does."""
VALUE_STRENGTH = 7.5
"""How strongly a voxel on a stroke is tied to the likelihood of its values; likewise."""
_WEAKEST, _STRONGEST = 0.02, 0.5
_SEED = 1e3
"""How strongly a voxel on a stroke is tied to what the stroke says."""
_MARGIN = 4
"""Voxels around the reach of strokes that are solved with it, and that show other values."""
_REACHED = 0.02
"""Least trust in strokes with which a voxel does not tell what values the label has."""


class RandomWalk:
    """Needs no training and no GPU; see docs/benchmarks.md for what it gains."""

    name = "random-walk"

    def refine(self, question: Question) -> Mask:
        """See `Assistant`."""
        strokes = question.foreground | question.background
        add, remove = question.foreground & ~question.mask, question.background & question.mask
        if not (add.any() or remove.any()):
            return question.mask.copy()
        reach = _reach(question, add, remove)
        place = _place(reach.trust > 0)
        part = question.part(place)
        labelled = _walk(part, reach.trust[place], reach.voxels) > 0.5
        new = question.mask.copy()
        new[place] = labelled
        new[strokes] = question.foreground[strokes]
        added = _touching(new & ~question.mask, add)
        removed = _touching(question.mask & ~new, remove)
        return (question.mask | added) & ~removed


def _reach(question: Question, add: Mask, remove: Mask) -> Reach:
    outward = reach_of(add, ~question.mask, question.spacing)
    inward = reach_of(remove, question.mask, question.spacing)
    return Reach(outward.trust + inward.trust, max(outward.voxels, inward.voxels))


def _place(within: Mask) -> tuple[slice, ...]:
    """The bounding box of the voxels `within`, with a margin."""
    (found,) = scipy.ndimage.find_objects(within.astype(np.uint8))
    return tuple(slice(max(0, side.start - _MARGIN), side.stop + _MARGIN) for side in found)


def _walk(part: Question, trust: Values, reach: float) -> Values:
    """The probability of the label for each voxel of a part."""
    tied = np.clip(MASK_STRENGTH / reach**2, _WEAKEST, _STRONGEST)
    shown = np.clip(VALUE_STRENGTH / reach**2, _WEAKEST, _STRONGEST)
    seeds = (part.foreground | part.background) * np.float32(_SEED)
    by_mask, by_value = tied * (1 - trust), shown * trust
    strength = (by_mask + by_value + seeds).astype(np.float32)
    aims = by_mask * part.mask + by_value * _likelihood(part, trust) + seeds * part.foreground
    target = (aims / strength).astype(np.float32)
    return solved(part.values, part.spacing, strength, target, part.mask.astype(np.float32))


def _likelihood(part: Question, trust: Values) -> Values:
    """By the values where the mask holds, and on the strokes."""
    holds = trust <= _REACHED
    inside = part.mask & holds & ~part.background | part.foreground
    outside = ~part.mask & holds & ~part.foreground | part.background
    return likelihood(part.values, inside, outside)


def _touching(changes: Mask, strokes: Mask) -> Mask:
    """The connected pieces of `changes` with a voxel of `strokes`."""
    numbers, count = scipy.ndimage.label(changes, np.ones((3,) * changes.ndim))
    chosen = np.zeros(count + 1, bool)
    chosen[numbers[strokes & changes]] = True
    return np.asarray(chosen[numbers])
