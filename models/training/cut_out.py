"""Cuts out of a large case what a window reads, so that a case may be larger than memory."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from models.training.data import Case

_MARGIN = 4
"""Voxels around the positions: neighbours for interpolation, and the offset of labels."""


def cut_out(case: Case, grid: Tensor) -> tuple[Case, Tensor]:
    """The part of the case that the positions (*window, dimension), in voxels, refer to, and the
    positions in this part.

    Positions beyond an edge are mirrored there, so that the part reaches to that edge. A part of
    more than half of the case is the whole case.
    """
    offsets = [int(np.ceil(abs(n))) for n in case.label_offset] or [0] * case.label.ndim
    cuts = []
    for axis, (size, offset) in enumerate(zip(case.label.shape, offsets, strict=True)):
        places = _mirrored(grid[..., axis].numpy(), size - 1)
        low = int(np.floor(places.min())) - _MARGIN - offset
        high = int(np.ceil(places.max())) + 1 + _MARGIN + offset
        cuts.append(slice(max(0, low), min(size, high)))
    if prod(cut.stop - cut.start for cut in cuts) * 2 > case.label.size:
        return case, grid
    part = replace(
        case,
        image=np.ascontiguousarray(case.image[(slice(None), *cuts)]),
        label=np.ascontiguousarray(case.label[tuple(cuts)]),
        weight=None if case.weight is None else np.ascontiguousarray(case.weight[tuple(cuts)]),
    )
    return part, grid - grid.new_tensor([cut.start for cut in cuts])


def _mirrored(places: NDArray[Any], last: int) -> NDArray[Any]:
    """Positions as `grid_sample` reads them: mirrored at 0 and `last`."""
    if last == 0:
        return np.zeros_like(places)
    distance = np.abs(places) % (2 * last)
    return np.asarray(np.where(distance <= last, distance, 2 * last - distance))
