"""Topological errors of a membrane: differences that no deformation of the reference explains.

Jain et al. 2010 (doi:10.1109/CVPR.2010.5539950).
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_FACES = ndimage.generate_binary_structure(2, 1)
_CORNERS = ndimage.generate_binary_structure(2, 2)
_AROUND = tuple((row, column) for row in range(3) for column in range(3) if (row, column) != (1, 1))


def warping_error(
    predicted: NDArray[np.bool_], reference: NDArray[np.bool_], reach_px: float = 5.0
) -> float:
    """The fraction of pixels that still differ after the reference is warped towards `predicted`.

    Both are membranes, (row, column). See `warped`. As in the paper the warp is greedy, so a better
    one may exist: the error is a deterministic upper bound.
    """
    return float((warped(reference, predicted, reach_px) != predicted).mean())


def warped(
    reference: NDArray[np.bool_], predicted: NDArray[np.bool_], reach_px: float
) -> NDArray[np.bool_]:
    """The reference with unchanged topology, as close to `predicted` as flips of simple points get.

    A pixel that differs is flipped while it is simple: the flip then splits, joins, opens and
    closes no cell and no membrane (cells are 4-connected, membranes 8-connected; beyond the edge is
    membrane). Pixels farther than `reach_px` from the reference's own edges are not flipped.
    """
    depth = ndimage.distance_transform_edt(~reference) + ndimage.distance_transform_edt(reference)
    free = (depth <= reach_px) if reference.any() and not reference.all() else reference & False
    cells = np.pad(~reference, 1)
    target = ~predicted
    changed = bool(free.any())
    while changed:
        changed = False
        for part in _quarters():
            changed |= _flip(cells, target, free, part)
    return ~cells[1:-1, 1:-1]


def _quarters() -> list[tuple[slice, slice]]:
    """Four sets of pixels without neighbours: flipping a set at once equals one after another."""
    return [(slice(row, None, 2), slice(column, None, 2)) for row in (0, 1) for column in (0, 1)]


def _flip(
    cells: NDArray[np.bool_],
    target: NDArray[np.bool_],
    free: NDArray[np.bool_],
    part: tuple[slice, slice],
) -> bool:
    """Flips the simple points of one set that differ, in place; returns whether there were any."""
    inner = cells[1:-1, 1:-1]
    differ = free[part] & (inner[part] != target[part])
    if not differ.any():
        return False
    rows, columns = np.nonzero(differ)
    at = rows * 2 + part[0].start, columns * 2 + part[1].start
    code = np.zeros(rows.size, np.uint8)
    for bit, (row, column) in enumerate(_AROUND):
        code |= cells[at[0] + row, at[1] + column].astype(np.uint8) << np.uint8(bit)
    simple = _simple()[code]
    inner[at[0][simple], at[1][simple]] ^= True
    return bool(simple.any())


@cache
def _simple() -> NDArray[np.bool_]:
    """Whether the centre is simple, for each of the 256 neighbourhoods (bit n is `_AROUND[n]`)."""
    return np.array([_is_simple(code) for code in range(256)])


def _is_simple(code: int) -> bool:
    """Whether exactly one cell touches the centre by a face, and one membrane by face or corner."""
    around = np.zeros((3, 3), bool)
    for bit, place in enumerate(_AROUND):
        around[place] = code >> bit & 1
    outside = ~around
    outside[1, 1] = False
    return _touching(around, _FACES) == 1 and _touching(outside, _CORNERS) == 1


def _touching(part: NDArray[np.bool_], connected: NDArray[Any]) -> int:
    """Number of components of `part` that touch the centre; `connected`: the connectivity."""
    components, _ = ndimage.label(part, connected)
    return np.unique(components[connected & part]).size
