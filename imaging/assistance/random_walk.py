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
from imaging.assistance.reach import FAR, bounds, distance_to, trust_in

MASK_STRENGTH = 0.2
"""How strongly a voxel out of reach is tied to the mask."""
VALUE_STRENGTH = 0.1
"""How strongly a voxel on a stroke is tied to the likelihood of its values."""
_SEED = 1e3
"""How strongly a voxel on a stroke is tied to what the stroke says."""
_MARGIN = 4
"""Voxels around the reach of strokes that are solved with it, and that show other values."""


class RandomWalk:
    """Needs no training and no GPU; see docs/benchmarks.md for what it gains."""

    name = "random-walk"

    def refine(self, question: Question) -> Mask:
        """See `Assistant`."""
        add, remove = question.foreground & ~question.mask, question.background & question.mask
        if not (add.any() or remove.any()):
            return question.mask.copy()
        changing = ((add, ~question.mask), (remove, question.mask))
        distance = distance_to(changing, question.spacing)
        place = _place(distance < FAR)
        part = question.part(place)
        walked = _walk(part, distance[place], (add | remove)[place]) > 0.5
        new = walked & ~part.background | part.foreground
        added = _touching(new & ~part.mask, add[place])
        removed = _touching(part.mask & ~new, remove[place])
        refined = question.mask.copy()
        refined[place] = (part.mask | added) & ~removed
        return refined


def _place(within: Mask) -> tuple[slice, ...]:
    """The bounding box of the voxels `within`, with a margin."""
    return tuple(slice(max(0, s.start - _MARGIN), s.stop + _MARGIN) for s in bounds(within))


def _walk(part: Question, distance: Values, strokes: Mask) -> Values:
    """The probability of the label for each voxel of a part. `strokes`: that contradict it."""
    shown = _likelihood(part, distance >= FAR)
    trust = trust_in(distance, np.where(part.mask, 1 - shown, shown))
    by_mask, by_value = MASK_STRENGTH * (1 - trust), VALUE_STRENGTH * trust
    strength = by_mask + by_value
    strength[part.foreground | part.background] += _SEED
    target = by_mask * part.mask
    target += np.multiply(by_value, shown, out=by_value)
    target[part.foreground] += _SEED
    target /= strength
    start = part.mask.astype(np.float32)

    def undecided(probability: Values) -> tuple[slice, ...]:
        return _place(_touching(((probability > 0.5) != part.mask) | strokes, strokes))

    return solved(part.values, part.spacing, strength, target, start, undecided)


def _likelihood(part: Question, holds: Mask) -> Values:
    """By the values where the mask holds, and on the strokes."""
    inside = part.mask & holds & ~part.background | part.foreground
    outside = ~part.mask & holds & ~part.foreground | part.background
    return likelihood(part.values, inside, outside)


def _touching(changes: Mask, strokes: Mask) -> Mask:
    """The connected pieces of `changes` with a voxel of `strokes`."""
    touching = np.zeros_like(changes)
    if not (strokes & changes).any():
        return touching
    place = bounds(changes)
    changes, strokes = changes[place], strokes[place]
    numbers, count = scipy.ndimage.label(changes, np.ones((3,) * changes.ndim))
    chosen = np.zeros(count + 1, bool)
    chosen[numbers[strokes & changes]] = True
    touching[place] = chosen[numbers]
    return touching
