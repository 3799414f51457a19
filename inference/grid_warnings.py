"""Warnings about channels whose scans have different grids."""

from collections.abc import Iterator

import numpy as np

from imaging.errors import ScanModelMismatch
from imaging.scan import Scan
from models.card_parts import Channel
from models.doubt import Doubt, DoubtKind, Remark

_POINTS = 24
"""Points per axis at which the overlap is looked at."""
_MOST_OF_IT = 0.9
"""Part of the first scan's grid; where less is covered, the mask is in doubt."""
_CLOSE = 0.01
"""Affines that differ by less, in voxels, are the same: headers are rounded."""


def grid_warnings(
    scan: Scan, first: Scan, channel: Channel, first_channel: Channel
) -> Iterator[Remark]:
    """A sentence where the scan of a channel has another grid than the first channel's, on which it
    is used. Raises ScanModelMismatch where the two scans have no voxel in common.

    Images have no position; those of other sizes are refused elsewhere.
    """
    if scan.dimension == 2 or first.dimension == 2:
        return
    covered = _covered(scan, first)
    if covered == 0:
        raise ScanModelMismatch(
            f"The scan of the channel {channel.name} shows no part of what the scan of "
            f"{first_channel.name} shows.",
            expected="Scans of the same patient and region, with positions in one frame.",
            hint="Check that the scans belong together; register them if they do not overlap.",
        )
    if scan.grid == first.grid and _same_place(scan, first):
        return
    text = (
        f"The scan of the channel {channel.name} has another grid than that of "
        f"{first_channel.name} and was resampled to it."
    )
    if covered < 1:
        text += f" It covers {covered:.0%} of it; its lowest value was used for the rest."
    yield text if covered >= _MOST_OF_IT else Doubt(DoubtKind.EXTENT, text)


def _covered(scan: Scan, first: Scan) -> float:
    """The fraction of the first scan's grid that lies inside the other scan; 1: all."""
    lines = [np.unique(np.linspace(0, n - 1, _POINTS).round()) for n in first.grid]
    points = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(3, -1)
    pull = np.linalg.inv(scan.affine) @ first.affine
    at = pull[:3, :3] @ points + pull[:3, 3:]
    upper = np.array(scan.grid)[:, np.newaxis] - 0.5
    inside = ((at >= -0.5 - _CLOSE) & (at <= upper + _CLOSE)).all(axis=0)
    return float(inside.mean())


def _same_place(scan: Scan, first: Scan) -> bool:
    """Whether the corners of the first grid are at the same voxels of the other one."""
    corners = np.array(np.meshgrid(*((0, n - 1) for n in first.grid))).reshape(3, -1)
    pull = np.linalg.inv(scan.affine) @ first.affine
    moved = pull[:3, :3] @ corners + pull[:3, 3:]
    return bool(np.abs(moved - corners).max() < _CLOSE)
