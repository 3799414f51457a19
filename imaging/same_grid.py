"""Brings a label map that is stored along other axes back to its scan's grid."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.label_map import from_upright
from imaging.scan import Reader, Scan

_TOLERANCE = 0.05
"""Largest distance of any corner, in voxels: well above rounding by float32 and quaternions, well
below a real displacement."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """How a label map is stored, relative to the scan."""

    order: tuple[int, ...]
    """The scan's axis that each axis of the label map runs along."""
    flips: tuple[bool, ...]
    """Whether each axis of the label map runs opposite to the scan's axis."""

    def restore(self, values: NDArray[Any]) -> NDArray[Any]:
        """A view of an array of the label map along the scan's axes."""
        values = values[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]
        return np.transpose(values, np.argsort(self.order))

    def stored(self, box: Box, grid: tuple[int, ...]) -> Box:
        """The label map's box of a box of the scan's grid."""
        start, stop = [], []
        for axis, flip in zip(self.order, self.flips, strict=True):
            a, b = box.start[axis], box.stop[axis]
            start.append(grid[axis] - b if flip else a)
            stop.append(grid[axis] - a if flip else b)
        return Box(tuple(start), tuple(stop))


def on_grid_of(label: Scan, grid: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[Any]:
    """The voxels of the single-component `label` on the volume's grid, permuted and flipped only.

    Raises BadRequest, with shapes and distances, if `label` is on any other grid.
    """
    turn = _turn(label, grid, affine)
    return turn.restore(label.read(Box.whole(label.grid))[0])


def label_view(label: Scan, scan: Scan) -> Scan:
    """A view of the label map `label` on the grid of `scan`, permuted and flipped only; uint32.

    The label map of an image is an image, or the upright slice that `imaging.formats.label_map`
    describes. Raises BadRequest if `label` is on any other grid; reading raises it for values that
    are not label numbers.
    """
    if scan.dimension == 3:
        read = _volume_reader(label, scan)
    elif label.shape == (1, *scan.grid):
        read = label.read
    elif label.shape == (1, *scan.grid[::-1], 1):
        read = _upright_reader(label, scan.grid[0])
    else:
        raise _different_grid(f"The label map has the shape {label.shape}.", scan.grid)
    return replace(
        scan,
        shape=(1, *scan.grid),
        dtype=np.dtype(np.uint32),
        format=label.format,
        reader=lambda box: _label_numbers(read(box)),
        warnings=label.warnings,
        source=None,
        padding=None,
    )


def _volume_reader(label: Scan, scan: Scan) -> Reader:
    turn = _turn(label, scan.grid, scan.affine)
    return lambda box: turn.restore(label.read(turn.stored(box, scan.grid))[0])[np.newaxis]


def _upright_reader(label: Scan, rows: int) -> Reader:
    def read(box: Box) -> NDArray[Any]:
        (first, left), (last, right) = box.start, box.stop
        stored = Box((left, rows - last, 0), (right, rows - first, 1))
        return from_upright(label.read(stored)[0])[np.newaxis]

    return read


def _label_numbers(values: NDArray[Any]) -> NDArray[np.uint32]:
    with np.errstate(invalid="ignore"):
        numbers = values.astype(np.uint32)
    if not np.array_equal(numbers, values):
        raise BadRequest(
            "The label map contains values that are not label numbers.",
            expected="Whole numbers, 0 or larger.",
            hint="Use a label map, not probabilities or an image.",
        )
    return numbers


def _turn(label: Scan, grid: tuple[int, ...], affine: NDArray[np.float64]) -> _Turn:
    if label.dimension != 3 or label.shape[0] != 1:
        raise _different_grid(f"The label map has the shape {label.shape}.", grid)
    pull = np.linalg.inv(affine) @ label.affine  # the label's voxel -> the scan's voxel
    order = tuple(int(a) for a in np.abs(pull[:3, :3]).argmax(axis=0))
    if sorted(order) != [0, 1, 2] or tuple(grid[a] for a in order) != label.grid:
        raise _different_grid(f"The label map has the shape {label.grid}.", grid)
    flips = tuple(bool(pull[a, n] < 0) for n, a in enumerate(order))
    off = _farthest(pull, order, flips, grid)
    if not off <= _TOLERANCE:
        raise _different_grid(
            f"The label map is up to {off:.2f} voxels away from the image's grid.", grid
        )
    return _Turn(order, flips)


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


def farthest_corner(
    affine: NDArray[np.float64], other: NDArray[np.float64], grid: tuple[int, ...]
) -> float:
    """How far two volumes of one shape are apart, at the corner that is farthest, in voxels."""
    identity = (False,) * 3
    return _farthest(np.linalg.inv(affine) @ other, (0, 1, 2), identity, grid)


def _different_grid(detail: str, grid: tuple[int, ...]) -> BadRequest:
    return BadRequest(
        detail,
        expected=f"A label map on the image's grid {grid}, at the same position in space.",
        hint="Export the labels with the image as reference, without resampling or cropping.",
    )
