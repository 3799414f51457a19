"""Resampling of all channels of an input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.prepared import Prepared
from imaging.preparation.resize import Resizing
from imaging.preparation.resized_labels import resized_labels
from imaging.preparation.way_back import Resized


def resized_channels(
    prepared: Prepared,
    resized: Resized,
    resizing: Resizing,
    linear_labels: Resizing | None,
    scratch: Path | None,
) -> Prepared:
    """The channels on the grid of `resizing`, and `resized` as the way back.

    `linear_labels`: how label maps are interpolated; None: they take the nearest voxel's label.
    """
    values = large_zeros((len(prepared.values), *resizing.after), np.float32, scratch)
    for _, components in prepared.scans():
        for n in components:
            resizing.into(values[n], prepared.values[n], scratch)
    for _, components in prepared.label_maps():
        part = slice(components[0], components[-1] + 1)
        resized_labels(values[part], prepared.values[part], resizing, linear_labels, scratch)
    return replace(
        prepared,
        values=values,
        padding=_nearest(prepared.padding, resizing, scratch),
        inside=None,
        way_back=(*prepared.way_back, resized),
    )


def _nearest(
    mask: NDArray[np.bool_] | None, resizing: Resizing, scratch: Path | None
) -> NDArray[np.bool_] | None:
    if mask is None:
        return None
    out = large_zeros((len(mask), *resizing.after), np.bool_, scratch)
    for one, resized in zip(mask, out, strict=True):
        for rows in slabs(resized.shape):
            resized[rows] = resizing.nearest(one, rows)
    return out
