"""The grid in which a measurement is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imaging.reader_measurements.measurement import Point


class Placed(Protocol):
    """A scan, opened or stored."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(c, i, j, k) or (c, row, column)."""

    @property
    def affine(self) -> Any:
        """(4, 4): voxel index -> RAS+ mm; not used for an image."""

    @property
    def spacing_mm(self) -> tuple[float, ...] | None:
        """Voxel size along each spatial axis, or None."""


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredGrid:
    """Converts points of measurements into voxel coordinates and into millimetres."""

    shape: tuple[int, ...]
    """(i, j, k), or (row, column)."""
    affine: NDArray[np.float64]
    spacing_mm: tuple[float, ...] | None

    @classmethod
    def of(cls, scan: Placed) -> "MeasuredGrid":
        """The grid of a scan."""
        return cls(scan.shape[1:], np.asarray(scan.affine, np.float64), scan.spacing_mm)

    @property
    def is_image(self) -> bool:
        """Whether points are pixels of an image."""
        return len(self.shape) == 2

    @property
    def unit(self) -> str:
        """The unit of `plain`: mm, or px for an image without a pixel size."""
        return "px" if self.is_image and self.spacing_mm is None else "mm"

    def voxels(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Voxel coordinates (n, axes), in the order of `shape`; the first centre is 0."""
        given = np.array(points, np.float64)
        if self.is_image:
            return given[:, 1::-1]
        inverse = np.linalg.inv(self.affine)
        moved: NDArray[np.float64] = given @ inverse[:3, :3].T + inverse[:3, 3]
        return moved

    def plain(self, points: Sequence[Point]) -> NDArray[np.float64]:
        """Coordinates (n, axes) whose distances are true, in `unit`."""
        if not self.is_image:
            return np.array(points, np.float64)
        return self.voxels(points) * (self.spacing_mm or (1.0, 1.0))
