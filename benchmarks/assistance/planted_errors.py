"""Errors planted into a correct mask: a part removed, or a leak added."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

Mask = NDArray[np.bool_]
SHARE = 0.3
"""Size of the error relative to the structure."""
_NECK_MM = 3.0


def part_removed(mask: Mask, spacing: NDArray[np.float64], seed: int) -> Mask:
    """The mask without a part of it: beyond a plane (even seeds), or in a ball around a point of
    its surface (odd seeds)."""
    rng = np.random.default_rng(seed)
    at = np.argwhere(mask) * spacing
    if seed % 2:
        surface = np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing
        order = -np.linalg.norm(at - surface[rng.integers(len(surface))], axis=1)
    else:
        order = at @ rng.normal(size=3)
    left = np.zeros_like(mask)
    left[tuple(np.argwhere(mask)[np.argsort(order)[: round(len(at) * (1 - SHARE))]].T)] = True
    return left


def leak_added(
    mask: Mask, values: NDArray[np.float32], spacing: NDArray[np.float64], seed: int
) -> Mask:
    """The mask and voxels outside of it that are reached first from a point of its surface, through
    values like those of the structure. Odd seeds: the leak touches the structure only within 3 mm
    of this point, its neck. Even seeds: it may lie along the structure."""
    rng = np.random.default_rng(seed)
    inside = values[mask]
    smooth = ndimage.gaussian_filter(values, 0.7)
    cost = 0.25 + np.abs(smooth - np.median(inside)) / (2 * inside.std() + 1e-6)
    cost = cost.astype(np.float64)
    shell = ndimage.binary_dilation(mask) & ~mask
    starts = np.argwhere(shell)
    start = starts[rng.integers(len(starts))]
    cost[mask] = -1
    if seed % 2:
        near = np.linalg.norm((starts - start) * spacing, axis=1) > _NECK_MM
        cost[tuple(starts[near].T)] = -1
    reached, _ = MCP_Geometric(cost, sampling=tuple(spacing)).find_costs([tuple(start)])
    reached[~np.isfinite(reached)] = np.inf
    reached[mask] = np.inf
    wanted = min(round(mask.sum() * SHARE), int(np.isfinite(reached).sum()))
    limit = np.partition(reached.ravel(), wanted - 1)[wanted - 1]
    leaked: Mask = mask | (reached <= limit)
    return leaked
