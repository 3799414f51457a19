"""Resampling of a label map that is given as one array per label."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.large_arrays import large_zeros, slabs
from imaging.preparation.resize import Resizing


def resized_labels(
    out: NDArray[np.float32],
    labels: NDArray[np.float32],
    resizing: Resizing,
    linear: Resizing | None,
    scratch: Path | None = None,
) -> None:
    """Fills `out` with `labels`, both (labels, *grid): 1 where a voxel has the label, 0 elsewhere.

    `linear`: each label and the background are interpolated, and the largest wins; in a tie the
    nearest voxel's, or else the first. None: the label of the nearest voxel.
    """
    if linear is None:
        for rows in slabs(resizing.after):
            for one, result in zip(labels, out, strict=True):
                result[rows] = resizing.nearest(one, rows)
        return
    best, score = (large_zeros(linear.after, np.float32, scratch) for _ in range(2))
    winner = large_zeros(linear.after, np.uint16, scratch)
    indicator = large_zeros(labels.shape[1:], np.float32, scratch)
    for number in range(len(labels) + 1):
        for rows in slabs(indicator.shape):
            here = labels[:, rows]
            indicator[rows] = labels[number - 1][rows] if number else here.max(axis=0) == 0
        linear.into(score, indicator, scratch)
        for rows in slabs(best.shape):
            nearest = linear.nearest(indicator, rows) > 0
            better = (score[rows] > best[rows]) | (nearest & (score[rows] == best[rows]))
            best[rows][better] = score[rows][better]
            winner[rows][better] = number
    for number, result in enumerate(out, 1):
        for rows in slabs(result.shape):
            result[rows] = winner[rows] == number
