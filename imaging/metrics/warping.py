"""Topological mistakes of a membrane: what no bending of the reference can explain.

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
    found: NDArray[np.bool_], reference: NDArray[np.bool_], reach_px: float = 5.0
) -> float:
    """The fraction of pixels that differ still, once the reference was warped towards `found`.

    Both are membranes, (row, column). See `warped`. As in the paper the warp is greedy, so it need
    not be the best there is: the error is an upper bound, and deterministic.
    """
    return float((warped(reference, found, reach_px) != found).mean())


def warped(
    reference: NDArray[np.bool_], found: NDArray[np.bool_], reach_px: float
) -> NDArray[np.bool_]:
    """The reference, with the topology that it had, as near to `found` as simple points lead.

    Pixels that differ are flipped while they are simple: flipping one parts, joins, opens or closes
    no cell and no membrane (cells are 4-connected, membranes 8-connected; beyond the edge is
    membrane). None farther than `reach_px` from the reference's own edges is flipped.
    """
    depth = ndimage.distance_transform_edt(~reference) + ndimage.distance_transform_edt(reference)
    free = (depth <= reach_px) if reference.any() and not reference.all() else reference & False
    cells = np.pad(~reference, 1)
    target = ~found
    changed = bool(free.any())
    while changed:
        changed = False
        for part in _quarters():
            changed |= _flip(cells, target, free, part)
    return ~cells[1:-1, 1:-1]


def _quarters() -> list[tuple[slice, slice]]:
    """Pixels of one quarter are no neighbours: flipped at once, it is as if one after another."""
    return [(slice(row, None, 2), slice(column, None, 2)) for row in (0, 1) for column in (0, 1)]


def _flip(
    cells: NDArray[np.bool_],
    target: NDArray[np.bool_],
    free: NDArray[np.bool_],
    part: tuple[slice, slice],
) -> bool:
    """Flips the simple points of one quarter that differ, in place; whether there were any."""
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
    """For each of the 256 neighbourhoods, bit n for `_AROUND[n]`, whether its middle is simple."""
    return np.array([_is_simple(code) for code in range(256)])


def _is_simple(code: int) -> bool:
    """One cell touches the middle by a face, and one membrane by a face or corner."""
    around = np.zeros((3, 3), bool)
    for bit, place in enumerate(_AROUND):
        around[place] = code >> bit & 1
    outside = ~around
    outside[1, 1] = False
    return _touching(around, _FACES) == 1 and _touching(outside, _CORNERS) == 1


def _touching(part: NDArray[np.bool_], connected: NDArray[Any]) -> int:
    """Components of `part`, joined as `connected` tells, that touch the middle in that way."""
    components, _ = ndimage.label(part, connected)
    return np.unique(components[connected & part]).size
