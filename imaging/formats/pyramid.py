"""Smaller copies of a mask, which whole-slide and volume viewers show when zoomed out."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

_SMALLEST = 1024
"""Longest axis of a mask that needs no smaller copy."""


def levels(mask: NDArray[Any]) -> Iterator[tuple[NDArray[Any], list[int]]]:
    """The mask and smaller views of it, each with its voxel size along each axis, in voxels.

    Each level takes every second voxel of the level before, so that a label number stays a label
    number.
    """
    factors = [1] * mask.ndim
    yield mask, factors
    while max(mask.shape) > _SMALLEST:
        steps = [2 if n > 1 else 1 for n in mask.shape]
        mask = mask[tuple(slice(None, None, step) for step in steps)]
        factors = [factor * step for factor, step in zip(factors, steps, strict=True)]
        yield mask, factors
