"""Turns a scan's axes as a network needs them, and a mask's axes back.

An orientation is one of

- three letters, one of each of the pairs R/L, A/P and S/I: the direction in which each axis of the
  turned array grows. `RAS`: to the right, anterior and superior. The axes of an oblique scan are
  those closest to these directions.
- the letters i, j, k in any order (i, j for an image): the axes of the array as stored, in that
  order and not flipped.
"""

from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.scan import Scan

RAS = "RAS"
"""Canonical: closest to RAS+. An image has no directions: its axes are its rows and columns."""
_PAIRS = ("RL", "AP", "SI")
_STORED = "ijk"
_TIED = 1e-4
"""Sums of three cosines closer than this are a tie; above rounding by float32 and quaternions."""


@dataclass(frozen=True, slots=True, eq=False)
class Oriented:
    """A view of a scan along other axes, and the way back to the stored axes."""

    scan: Scan
    """Reads lazily."""
    order: tuple[int, ...]
    """The stored axis that each axis of the view runs along."""
    flipped: tuple[bool, ...]
    """Whether each axis of the view runs opposite to its stored axis."""

    def turn(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of `array`, given on the stored axes, along the axes of `scan`."""
        turned = np.transpose(array, self.order)
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]

    def restore(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of `array`, given on the grid of `scan`, along the stored axes."""
        turned = array[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]
        return np.transpose(turned, np.argsort(self.order))


def check_orientation(code: str, dimension: int) -> None:
    """Raises ValueError unless `code` is an orientation of scans of this dimension."""
    stored = sorted(code) == sorted(_STORED[:dimension])
    if dimension == 2:
        if not stored and code != RAS:
            raise ValueError("orientation of an image needs i and j, in either order")
    elif not stored and sorted(_axis(letter) for letter in code) != [0, 1, 2]:
        raise ValueError(
            "orientation needs three letters, one of each of R/L, A/P and S/I, such as RAS; "
            "or i, j and k in any order"
        )


def _axis(letter: str) -> int:
    """0, 1 or 2 for a direction along R-L, A-P or S-I; -1 for any other letter."""
    return next((axis for axis, pair in enumerate(_PAIRS) if letter in pair), -1)


def canonical(scan: Scan) -> Oriented:
    """The scan with its axes permuted and flipped to be closest to RAS+; no value changes.

    All 48 ways of storing the same scan (axis orders and flips) give the same view. An image is
    unchanged.
    """
    return oriented(scan, RAS)


def stored_axes(code: str, dimension: int) -> tuple[int, ...]:
    """The stored axis that each axis of `code` runs along, for a scan stored along RAS+."""
    if code == RAS or not code.islower():
        return tuple(range(dimension)) if dimension == 2 else tuple(_axis(c) for c in code)
    return tuple(_STORED.index(letter) for letter in code)


def oriented(scan: Scan, code: str) -> Oriented:
    """The scan with its axes permuted and flipped to the orientation `code`; no value changes.

    `code`: an orientation that fits the scan's dimension (see `check_orientation`).
    """
    order, flipped = _turn(scan, code)
    if order == tuple(range(scan.dimension)) and not any(flipped):
        return Oriented(scan, order, flipped)
    stored = scan.grid
    turn = np.eye(4)  # index of the view -> stored index
    for axis, (source, flip) in enumerate(zip(order, flipped, strict=True)):
        turn[:3, axis] = 0
        turn[source, axis] = -1 if flip else 1
        turn[source, 3] = stored[source] - 1 if flip else 0
    spacing = None if scan.spacing_mm is None else tuple(scan.spacing_mm[a] for a in order)

    def read(box: Box) -> NDArray[Any]:
        return _turned(scan.read(_stored_box(scan, box, order, flipped)), order, flipped)

    def padding(box: Box) -> NDArray[np.bool_] | None:
        padded = scan.padding_in(_stored_box(scan, box, order, flipped))
        return None if padded is None else _turned(padded[np.newaxis], order, flipped)[0]

    view = replace(
        scan,
        padding=None if scan.padding is None else padding,
        shape=(scan.shape[0], *(stored[a] for a in order)),
        affine=scan.affine @ turn,
        spacing_mm=spacing,
        reader=read,
        stored_shape=tuple(stored[a] for a in order),
    )
    return Oriented(view, order, flipped)


def _turn(scan: Scan, code: str) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """The stored axis for each axis of `code`, and whether it runs opposite."""
    if scan.dimension == 2 or code.islower():
        return stored_axes(code, scan.dimension), (False,) * scan.dimension
    order, flipped = orientation(scan.affine)
    axes = stored_axes(code, 3)
    opposite = (letter in "LPI" for letter in code)
    return (
        tuple(order[axis] for axis in axes),
        tuple(flipped[axis] != back for axis, back in zip(axes, opposite, strict=True)),
    )


def _stored_box(scan: Scan, box: Box, order: tuple[int, ...], flipped: tuple[bool, ...]) -> Box:
    """The box of the stored grid that is `box` of the view's grid."""
    start, stop = [0] * len(order), [0] * len(order)
    for axis, (source, flip) in enumerate(zip(order, flipped, strict=True)):
        a, b, n = box.start[axis], box.stop[axis], scan.grid[source]
        start[source], stop[source] = (n - b, n - a) if flip else (a, b)
    return Box(tuple(start), tuple(stop))


def _turned(block: NDArray[Any], order: tuple[int, ...], flipped: tuple[bool, ...]) -> NDArray[Any]:
    """A block (c, *stored axes) along the axes of the view."""
    block = np.transpose(block, (0, *(a + 1 for a in order)))
    return block[(slice(None), *(slice(None, None, -1 if flip else 1) for flip in flipped))]


def orientation(affine: NDArray[np.float64]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
    """The stored axis for each of right, anterior and superior, and whether it runs opposite.

    Of the six assignments, the one with the largest sum of cosines between voxel axes and world
    axes. Each cosine depends on one column only, so the order and sign of the columns do not change
    it. In a tie (axes at 45 degrees) the assignment whose turned columns sort last wins; that
    depends on the lines in space, not on how they are stored.
    """
    directions = affine[:3, :3] / np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    best: tuple[int, ...] = (0, 1, 2)
    for order in permutations(range(3)):
        if _better(_facing(directions[:, order]), _facing(directions[:, best])):
            best = order
    turned = _facing(directions[:, best])
    flipped = tuple(bool((turned[:, a] != directions[:, best[a]]).any()) for a in range(3))
    return best, flipped


def _facing(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each column, negated if it runs against its own world axis (else the first that it meets)."""
    turned = columns.copy()
    for axis in range(3):
        along = turned[axis, axis] or turned[np.flatnonzero(turned[:, axis])[0], axis]
        if along < 0:
            turned[:, axis] = -turned[:, axis]
    return turned


def _better(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    scores = [float(turned[0, 0] + turned[1, 1] + turned[2, 2]) for turned in (one, other)]
    if abs(scores[0] - scores[1]) > _TIED:
        return scores[0] > scores[1]
    gaps = (one - other).T.ravel()
    decisive = gaps[np.abs(gaps) > _TIED]
    return bool(decisive.size and decisive[0] > 0)
