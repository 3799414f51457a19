"""Smooth random fields: random control points, interpolated by a cubic B-spline."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from numpy.random import Generator
from scipy.interpolate import BSpline
from torch import Tensor

_DEGREE = 3


def smooth_field(size: Sequence[int], spacing: float, channels: int, random: Generator) -> Tensor:
    """(channels, *size), float32; control points `spacing` voxels apart with standard deviation 1.

    Between the points the standard deviation is lower, by a factor of about 0.67 per axis.
    """
    weights = [_weights(n, spacing) for n in size]
    points = random.standard_normal((channels, *(w.shape[1] for w in weights)), np.float32)
    field = torch.from_numpy(points)
    for axis, weight in enumerate(weights, start=1):
        field = torch.tensordot(field, weight, dims=([axis], [1])).movedim(-1, axis)
    return field


def _weights(size: int, spacing: float) -> Tensor:
    """(size, control points): weight of each control point in each voxel; rows sum to 1."""
    intervals = max(1, ceil((size - 1) / spacing))
    knots = np.arange(-_DEGREE, intervals + _DEGREE + 1, dtype=float)
    places = np.linspace(0, intervals, size)
    matrix = BSpline.design_matrix(places, knots, _DEGREE).toarray()
    return torch.from_numpy(matrix.astype(np.float32))
