"""Smooth random fields: random control points, a cubic B-spline between them."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from numpy.random import Generator
from scipy.interpolate import BSpline
from torch import Tensor

_DEGREE = 3


def smooth_field(size: Sequence[int], spacing: float, channels: int, random: Generator) -> Tensor:
    """(channels, *size), float32; control points `spacing` voxels apart, of deviation 1.

    Where the field runs between the points its deviation is less, about 0.67 an axis.
    """
    weights = [_weights(n, spacing) for n in size]
    points = random.standard_normal((channels, *(w.shape[1] for w in weights)), np.float32)
    field = torch.from_numpy(points)
    for axis, weight in enumerate(weights, start=1):
        field = torch.tensordot(field, weight, dims=([axis], [1])).movedim(-1, axis)
    return field


def _weights(size: int, spacing: float) -> Tensor:
    """(size, control points): how much of each point lies in each voxel; a row's sum is 1."""
    intervals = max(1, ceil((size - 1) / spacing))
    knots = np.arange(-_DEGREE, intervals + _DEGREE + 1, dtype=float)
    places = np.linspace(0, intervals, size)
    matrix = BSpline.design_matrix(places, knots, _DEGREE).toarray()
    return torch.from_numpy(matrix.astype(np.float32))
