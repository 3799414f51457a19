"""Strokes of a simulated reader."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Stroke:
    """One stroke on one slice."""

    foreground: bool
    """Whether it says that the voxels belong to the structure."""
    voxels: Mask
    """Of the stroke, as thin as it is drawn."""
    filled: Mask
    """Of the widest brush that stays within the error anywhere along the same line."""


def next_stroke(mask: Mask, truth: Mask, spacing: NDArray[np.float64]) -> Stroke | None:
    """Where a reader would draw next; None if nothing is wrong.

    The largest component of the error (missed voxels and added voxels, apart) is corrected on the
    slice, along any axis, where its area is largest. The line goes through the middle 80 % of the
    error along its longer axis there, and through the point that is farthest from the edge of the
    error on each row across. The stroke has the radius 0.75 voxels, and stays inside the error.
    """
    component, foreground = _largest(mask, truth)
    if component is None:
        return None
    axis, index = _slice(component)
    plane = np.take(component, index, axis)
    labels, count = ndimage.label(plane)
    if count > 1:
        plane = labels == 1 + np.argmax(np.bincount(labels.ravel())[1:])
    in_plane = np.delete(spacing, axis)
    depth = ndimage.distance_transform_edt(np.pad(plane, 1), sampling=in_plane)[1:-1, 1:-1]
    line = _centre_line(plane, depth)
    away = ndimage.distance_transform_edt(~line)
    thin = plane & (away <= 0.75)
    wide = plane & (ndimage.distance_transform_edt(~line, sampling=in_plane) < depth[line].max())
    return Stroke(foreground, _placed(thin, mask, axis, index), _placed(wide, mask, axis, index))


def _largest(mask: Mask, truth: Mask) -> tuple[Mask | None, bool]:
    best: tuple[int, Mask | None, bool] = (0, None, True)
    for error, foreground in ((truth & ~mask, True), (mask & ~truth, False)):
        labels, count = ndimage.label(error)
        if count:
            sizes = np.bincount(labels.ravel())[1:]
            if sizes.max() > best[0]:
                best = (int(sizes.max()), labels == 1 + sizes.argmax(), foreground)
    return best[1:]


def _slice(component: Mask) -> tuple[int, int]:
    areas = [component.sum(tuple(a for a in range(3) if a != axis)) for axis in range(3)]
    axis = int(np.argmax([area.max() for area in areas]))
    return axis, int(areas[axis].argmax())


def _centre_line(plane: Mask, depth: NDArray[np.float64]) -> Mask:
    """A connected line of pixels."""
    along = int(np.argmax([np.ptp(at) for at in np.nonzero(plane)]))
    rows = plane if along == 0 else plane.T
    depths = depth if along == 0 else depth.T
    present = np.flatnonzero(rows.any(1))
    cut = len(present) // 10
    present = present[cut : len(present) - cut]
    columns = np.where(rows, depths, -1)[present].argmax(1)
    line = np.zeros_like(rows)
    for (a, b), (c, d) in zip(
        np.stack([present, columns], 1)[:-1], np.stack([present, columns], 1)[1:], strict=True
    ):
        steps = 1 + max(abs(c - a), abs(d - b))
        line[
            np.rint(np.linspace(a, c, steps)).astype(int),
            np.rint(np.linspace(b, d, steps)).astype(int),
        ] = True
    line[present, columns] = True
    line &= rows
    return line if along == 0 else line.T


def _placed(plane: Mask, like: Mask, axis: int, index: int) -> Mask:
    volume = np.zeros_like(like)
    where: list[slice | int] = [slice(None)] * 3
    where[axis] = index
    volume[tuple(where)] = plane
    return volume
