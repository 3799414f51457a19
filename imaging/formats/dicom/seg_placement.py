"""Where the frames of a Segmentation lie on the grid of its scan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import BadRequest
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.scan import Scan

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_TOLERANCE = 0.05
"""Largest distance of any corner from a voxel's centre, in voxels: as for label maps."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The part of a scan's grid that a frame covers, and how the frame lies in it."""

    index: tuple[Any, ...]
    """Into an array of the grid's shape: the frame's part of it, of two dimensions."""
    transposed: bool
    """Whether the frame's columns come before its rows there."""
    flips: tuple[bool, bool]
    """Which axes of that part run against the frame's."""

    def oriented(self, frame: NDArray[Any]) -> NDArray[Any]:
        """A view of the frame, (rows, columns), as it lies in that part."""
        turned = frame.T if self.transposed else frame
        return turned[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]


def image_placement(size: tuple[int, int], scan: Scan) -> Placement:
    """Of a frame of `size` (rows, columns) on a 2D image; raises BadRequest for another size."""
    if size != scan.grid:
        raise other_grid(f"The mask has {size[0]} rows and {size[1]} columns.", scan.grid)
    return Placement((slice(None), slice(None)), False, (False, False))


def placement(plane: PlaneGeometry, size: tuple[int, int], scan: Scan) -> Placement:
    """Of a frame of `size` (rows, columns) at its position in the patient, on a volume.

    Raises BadRequest where its pixels are not voxels of the scan.
    """
    pull = np.linalg.inv(_LPS_TO_RAS @ scan.affine)  # LPS mm -> voxel
    steps = np.stack(
        [pull[:3, :3] @ plane.along_column * plane.spacing[0],
         pull[:3, :3] @ plane.along_row * plane.spacing[1]]
    )  # fmt: skip
    first = pull[:3, :3] @ plane.position + pull[:3, 3]
    axes = np.abs(steps).argmax(axis=1)
    signs = np.sign(steps[[0, 1], axes])
    exact = np.zeros((2, 3))
    exact[[0, 1], axes] = signs
    ends = np.array([(r, c) for r in (0, size[0] - 1) for c in (0, size[1] - 1)])
    origin = np.round(first)
    off = np.abs(first - origin + ends @ (steps - exact)).max()
    if axes[0] == axes[1] or not off <= _TOLERANCE:
        raise other_grid("The pixels of the mask are not voxels of the scan.", scan.grid)
    corners = origin + ends @ exact
    low, high = corners.min(axis=0).astype(int), corners.max(axis=0).astype(int)
    if (low < 0).any() or (high >= scan.grid).any():
        raise other_grid("The mask reaches beyond the scan.", scan.grid)
    index: list[Any] = [slice(a, b + 1) for a, b in zip(low, high, strict=True)]
    through = ({0, 1, 2} - set(axes.tolist())).pop()
    index[through] = int(low[through])
    transposed = bool(axes[1] < axes[0])
    flips = (bool(signs[0] < 0), bool(signs[1] < 0))
    return Placement(tuple(index), transposed, flips[::-1] if transposed else flips)


def other_grid(detail: str, grid: Sequence[int]) -> BadRequest:
    """The error for a mask on another grid than its scan."""
    return BadRequest(
        detail,
        expected=f"A mask on the scan's own grid, {' x '.join(map(str, grid))}.",
        hint="Export it with the scan as reference, without resampling. If the slices of the scan "
        "were resampled, no mask of the original slices fits it.",
    )
