"""How results get from the network's grid to the scan's: the preparation's steps, undone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imaging.axis_taps import AxisTaps
from imaging.preparation.way_back import Cropped, Padded, Resized, WayBack
from imaging.resample import Axis
from inference.network_input import NetworkInput


def taps_to_scan(subject: NetworkInput, *, nearest: bool = False) -> tuple[AxisTaps, ...]:
    """One map per axis from the network's grid to the oriented scan's.

    `nearest`: the nearest voxel instead of linear interpolation.
    """
    if not subject.way_back:
        grids = zip(subject.grid, subject.oriented.scan.grid, strict=True)
        return tuple(_resized(n_in, n_out, nearest=nearest) for n_in, n_out in grids)
    return undone(subject.way_back, nearest=nearest)


def undone(steps: Sequence[WayBack], *, nearest: bool = False) -> tuple[AxisTaps, ...]:
    """The steps backwards, as one map per axis."""
    taps: list[AxisTaps] | None = None
    for step in reversed(steps):
        if isinstance(step, Cropped):
            whole = taps or [AxisTaps.identity(n) for n in step.box.shape]
            taps = [
                axis.pasted(start, n)
                for axis, start, n in zip(whole, step.box.start, step.grid, strict=True)
            ]
        else:
            back = _unpadded(step) if isinstance(step, Padded) else _of_step(step, nearest=nearest)
            taps = back if taps is None else [a.then(b) for a, b in zip(taps, back, strict=True)]
    return tuple(taps or ())


def _unpadded(step: Padded) -> list[AxisTaps]:
    axes = zip(step.after, step.start, step.before, strict=True)
    return [AxisTaps.nearest(n, np.arange(start, start + kept)) for n, start, kept in axes]


def _of_step(step: Resized, *, nearest: bool) -> list[AxisTaps]:
    axes = zip(step.after, step.before, step.ratios, step.offsets, strict=False)
    return [
        _between_centres(n_in, n_out, ratio, offset, nearest=nearest)
        if step.anchor == "centres"
        else _resized(n_in, n_out, nearest=nearest or axis == step.coarse_axis_back)
        for axis, (n_in, n_out, ratio, offset) in enumerate(axes)
    ]


def _resized(n_in: int, n_out: int, *, nearest: bool) -> AxisTaps:
    """Between grids with the same outer edges. Halfway between two voxels, the second is nearest,
    as in scipy."""
    if n_in == n_out:
        return AxisTaps.identity(n_in)
    places = Axis(n_in, n_out).centres(0, n_out)
    if nearest:
        return AxisTaps.nearest(n_in, np.floor(places + 0.5).astype(np.intp))
    return AxisTaps.linear(n_in, places)


def _between_centres(
    n_in: int, n_out: int, ratio: float, offset: float, *, nearest: bool
) -> AxisTaps:
    """`ratio`: results per voxel; `offset`: place of the first voxel, in results. Halfway between
    two voxels, the even one is nearest, as in torch."""
    places: NDArray[np.float64] = (np.arange(n_out, dtype=np.float64) - offset) / ratio
    if nearest:
        return AxisTaps.nearest(n_in, np.rint(places).astype(np.intp))
    if n_in == n_out and ratio == 1 and offset == 0:
        return AxisTaps.identity(n_in)
    return AxisTaps.linear(n_in, places)
