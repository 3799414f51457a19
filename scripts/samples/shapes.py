"""Geometric shapes on a grid in mm, with RAS+ axes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Inside = NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """Voxel centres in mm. Shapes are drawn on both sides: the grid's x is its distance from the
    median plane."""

    start_mm: tuple[float, ...]
    stop_mm: tuple[float, ...]
    spacing_mm: float

    @cached_property
    def mm(self) -> NDArray[np.float64]:
        """(3, i, j, k): distance from the median plane, y and z of each voxel."""
        axes = [
            np.arange(start, stop, self.spacing_mm)
            for start, stop in zip(self.start_mm, self.stop_mm, strict=True)
        ]
        places = np.stack(np.meshgrid(*axes, indexing="ij"))
        places[0] = np.abs(places[0])
        return places

    @property
    def shape(self) -> tuple[int, ...]:
        """Voxels per axis."""
        return self.mm.shape[1:]

    @property
    def affine(self) -> NDArray[np.float64]:
        """Voxel -> mm."""
        affine = np.diag([self.spacing_mm] * 3 + [1.0])
        affine[:3, 3] = self.start_mm
        return affine

    def ball(self, centre: Sequence[float], radii: Sequence[float]) -> Inside:
        """The inside of an ellipsoid."""
        return np.asarray((((self.mm - _column(centre)) / _column(radii)) ** 2).sum(0) < 1)

    def tube(self, start: Sequence[float], stop: Sequence[float], radius: float) -> Inside:
        """All points within `radius` of a line."""
        line = np.subtract(stop, start)
        offset = self.mm - _column(start)
        along = np.clip(np.tensordot(line, offset, 1) / (line @ line), 0, 1)
        return np.asarray(((offset - along * _column(line)) ** 2).sum(0) < radius**2)


def _column(values: Any) -> NDArray[np.float64]:
    return np.reshape(np.asarray(values, float), (3, 1, 1, 1))
