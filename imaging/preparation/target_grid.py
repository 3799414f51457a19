"""The grid that a resampled scan has: the rules of nnU-Net and of MONAI."""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from imaging.preparation.way_back import Resized

_SAME_MM = 1e-3
"""Spacings that differ by less are the same at MONAI."""
_SAME_CORNER = 1e-8
"""A corner that is less beyond the first one, in voxels, is not beyond it at MONAI."""


def grid_by_edges(
    grid: tuple[int, ...],
    own_mm: tuple[float, ...],
    spacing_mm: tuple[float, ...],
    coarse_ratio: float | None = None,
) -> Resized:
    """nnU-Net's: the outer edges stay, the numbers of voxels are rounded."""
    sizes = zip(grid, own_mm, spacing_mm, strict=True)
    after = tuple(max(1, round(own / new * n)) for n, own, new in sizes)
    ratios = tuple(n / m for n, m in zip(grid, after, strict=True))
    coarse = _coarse_axis(coarse_ratio, own_mm, spacing_mm)
    back = _coarse_axis(coarse_ratio, spacing_mm, own_mm)
    return Resized(grid, after, ratios, "edges", coarse_axis=coarse, coarse_axis_back=back)


def _coarse_axis(limit: float | None, *spacings: tuple[float, ...]) -> int | None:
    """The coarse axis by the first of `spacings` that is anisotropic."""
    if limit is None:
        return None
    for spacing in spacings:
        coarsest = max(spacing)
        if len(spacing) == 3 and coarsest / min(spacing) > limit:
            return spacing.index(coarsest) if spacing.count(coarsest) == 1 else None
    return None


def grid_by_centres(
    grid: tuple[int, ...],
    own_mm: tuple[float, ...],
    spacing_mm: tuple[float, ...],
    steps_mm: NDArray[np.float64] | None = None,
) -> Resized:
    """MONAI's: the centre of the first voxel stays, or that of the whole grid.

    MONAI looks for the corner of the old grid from which all other corners lie ahead. Where none
    does, and float32 affines of oblique scans are never exact enough, it aligns the centres of the
    grids. `steps_mm`: (3, 3), the step from voxel to voxel along each axis of a volume, in RAS+ mm.
    """
    sizes = list(zip(grid, own_mm, spacing_mm, strict=True))
    after = tuple(round((n - 1) * own / new + 1) for n, own, new in sizes)
    ratios = tuple(new / own for _, own, new in sizes)
    if steps_mm is None or _first_corner_leads(steps_mm, grid, spacing_mm):
        return Resized(grid, after, ratios, "centres")
    offsets = tuple((n - ratio * m) / 2 for n, m, ratio in zip(grid, after, ratios, strict=True))
    return Resized(grid, after, ratios, "centres", offsets)


def _first_corner_leads(
    steps_mm: NDArray[np.float64], grid: Sequence[int], spacing_mm: Sequence[float]
) -> bool:
    """Whether all corners of the grid lie ahead of one of them, along each axis of the new grid."""
    new_steps = _rotation(steps_mm) * np.asarray(spacing_mm)
    corners = np.array(list(product(*((0.0, n - 1.0) for n in grid)))).T
    places = np.linalg.solve(new_steps, steps_mm) @ corners
    return bool((places - places.min(axis=1, keepdims=True) <= _SAME_CORNER).all(axis=0).any())


def _rotation(steps_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3): the axes' directions without scale and shear."""
    scale = np.linalg.cholesky(steps_mm.T @ steps_mm).T
    return np.asarray(steps_mm @ np.linalg.inv(scale))


def kept_spacing(own_mm: Sequence[float], wanted_mm: Sequence[float]) -> tuple[float, ...]:
    """`wanted_mm`; along an axis where MONAI takes the scan's own for the same, `own_mm`."""
    pairs = zip(own_mm, wanted_mm, strict=True)
    return tuple(own if abs(new - own) <= _SAME_MM else new for own, new in pairs)
