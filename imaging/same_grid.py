"""Brings a label map that is stored along other axes back to its scan's grid."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.scan import Scan

_TOLERANCE = 0.05
"""Largest distance of any corner, in voxels: well above rounding by float32 and quaternions, well
below a real displacement."""


def on_grid_of(label: Scan, grid: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[Any]:
    """The voxels of the single-component `label` on the volume's grid, permuted and flipped only.

    Raises BadRequest, with shapes and distances, if `label` is on any other grid.
    """
    if label.dimension != 3 or label.shape[0] != 1:
        raise _different_grid(f"The label map has the shape {label.shape}.", grid)
    pull = np.linalg.inv(affine) @ label.affine  # the label's voxel -> the scan's voxel
    order = tuple(int(a) for a in np.abs(pull[:3, :3]).argmax(axis=0))  # its axis -> the scan's
    if sorted(order) != [0, 1, 2] or tuple(grid[a] for a in order) != label.grid:
        raise _different_grid(f"The label map has the shape {label.grid}.", grid)
    flips = tuple(bool(pull[a, n] < 0) for n, a in enumerate(order))
    off = _farthest(pull, order, flips, grid)
    if not off <= _TOLERANCE:
        raise _different_grid(
            f"The label map is up to {off:.2f} voxels away from the image's grid.", grid
        )
    values = label.read(Box.whole(label.grid))[0]
    values = values[tuple(slice(None, None, -1 if flip else 1) for flip in flips)]
    return np.transpose(values, np.argsort(order))


def _farthest(
    pull: NDArray[np.float64],
    order: tuple[int, ...],
    flips: tuple[bool, ...],
    grid: tuple[int, ...],
) -> float:
    """The largest distance of a corner from its expected position, in the scan's voxels."""
    exact = np.zeros((3, 4))
    for axis, (target, flip) in enumerate(zip(order, flips, strict=True)):
        exact[target, axis] = -1 if flip else 1
        exact[target, 3] += grid[target] - 1 if flip else 0
    ends = [(0, grid[target] - 1) for target in order]
    corners = np.array([(i, j, k, 1) for i in ends[0] for j in ends[1] for k in ends[2]]).T
    return float(np.abs((pull[:3] - exact) @ corners).max())


def _different_grid(detail: str, grid: tuple[int, ...]) -> BadRequest:
    return BadRequest(
        detail,
        expected=f"A label map on the image's grid {grid}, at the same position in space.",
        hint="Export the labels with the image as reference, without resampling or cropping.",
    )
