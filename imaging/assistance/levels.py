"""Solves a large lattice from a coarser one: every level halves the axes.

A coarse voxel stands for up to eight. Its ties to its neighbours are as strong as those of the fine
ones, so that what it is tied to itself counts four times: twice the way, at a given strength, is
four times the number of steps of a walker.
"""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imaging.assistance.lattice import Lattice, Values

Place = tuple[slice, ...]

MOST_AT_ONCE = 1 << 18
"""Voxels of the largest lattice that is solved without a coarser one."""
_EDGES = 0.5
"""How much differences of neighbouring values hold a walker up."""
_SAMPLE = 50_000
"""Steps along each axis of which the usual one is the median."""
_LEAST_TIE = 1e-2
_TOLERANCE = 2e-3
_MOST_STEPS, _SMOOTHING_STEPS = 80, 6


def whole(values: Values) -> Place:
    """All of a box."""
    return (slice(None),) * values.ndim


def solved(
    values: Values,
    spacing: Sequence[float],
    strength: Values,
    target: Values,
    start: Values,
    undecided: Callable[[Values], Place] = whole,
) -> Values:
    """The probabilities of a box. `values`: (c, *box), which tie neighbours that are alike.

    `undecided`: where the solution of the coarser lattice, if there is one, must be refined; what
    is outside keeps it.
    """
    usual = _usual_step(values)
    if start.size <= MOST_AT_ONCE:
        lattice = Lattice(_ties(values, spacing, usual), strength, target)
        return lattice.solve(start, _TOLERANCE, _MOST_STEPS)
    total = _halved(strength)
    coarse = solved(
        np.stack([_halved(channel) for channel in values]),
        spacing,
        4 * total,
        _halved(strength * target) / total,
        _halved(start),
    )
    result = _doubled(coarse, start.shape)
    at = undecided(result)
    ties = _ties(values[(slice(None), *at)], spacing, usual)
    lattice = Lattice(ties, strength[at], target[at])
    result[at] = lattice.solve(result[at], _TOLERANCE, _SMOOTHING_STEPS)
    return result


def _ties(values: Values, spacing: Sequence[float], usual: float) -> list[Values]:
    """For each axis, how strongly voxels are tied to the next one: less across an edge of the
    values, and less where they are farther apart."""
    sides = np.asarray(spacing) / min(spacing)
    scale = np.float32(-_EDGES / usual)
    return [
        (np.exp(scale * _steps(values, axis)) + np.float32(_LEAST_TIE)) / np.float32(side**2)
        for axis, side in enumerate(sides)
    ]


def _steps(values: Values, axis: int) -> Values:
    """Squared differences of the values of neighbours along an axis."""
    return np.asarray(np.square(np.diff(values, axis=axis + 1)).sum(0))


def _usual_step(values: Values) -> float:
    """The median of those that are not 0, by a sample: lines along each axis, evenly spread."""
    axes = range(values.ndim - 1)
    apart = 1 + int((values[0].size / _SAMPLE) ** (1 / max(1, len(axes) - 1)))
    samples = []
    for axis in axes:
        lines = tuple(slice(None, None, 1 if other == axis else apart) for other in axes)
        samples.append(_steps(values[(slice(None), *lines)], axis).ravel())
    sample = np.concatenate(samples)
    sample = sample[sample > 0]
    return float(np.median(sample)) if sample.size else 1.0


def _halved(values: NDArray[np.float32]) -> Values:
    """Means of 2 voxels along each axis; an odd last voxel is repeated."""
    padded = np.pad(values, [(0, length % 2) for length in values.shape], mode="edge")
    parts = product((0, 1), repeat=values.ndim)
    total = sum(padded[tuple(slice(first, None, 2) for first in part)] for part in parts)
    return np.asarray(total, np.float32) / np.float32(2**values.ndim)


def _doubled(values: Values, shape: Sequence[int]) -> Values:
    for axis in range(values.ndim):
        values = np.repeat(values, 2, axis)
    return values[tuple(slice(0, length) for length in shape)]
