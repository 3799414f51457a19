"""The position of an image plane in the patient."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class PlaneGeometry:
    """Position, orientation and spacing of a plane (PS3.3, C.7.6.2.1.1); LPS+ mm."""

    position: NDArray[np.float64]
    """(3,): centre of the first pixel."""
    along_row: NDArray[np.float64]
    """(3,): unit vector in the direction of increasing column index."""
    along_column: NDArray[np.float64]
    """(3,): unit vector in the direction of increasing row index."""
    spacing: tuple[float, float]
    """Between rows, between columns; mm."""
    thickness: float | None
    """Slice thickness, mm; the voxel size of a volume of one slice."""

    def at(self, position: NDArray[np.float64]) -> "PlaneGeometry":
        """The same plane at another position, (3,)."""
        return replace(self, position=position)

    def degrees_to(self, other: "PlaneGeometry") -> float:
        """The angle by which the axes of two planes differ: the larger one of rows and columns."""
        pairs = ((self.along_row, other.along_row), (self.along_column, other.along_column))
        halves = (min(1.0, float(np.linalg.norm(one - two)) / 2) for one, two in pairs)
        return math.degrees(2 * math.asin(max(halves)))

    @property
    def orientation_and_spacing(self) -> NDArray[np.float64]:
        """(8,): both unit vectors and both spacings."""
        return np.array([*self.along_row, *self.along_column, *self.spacing])

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,): unit vector perpendicular to the plane."""
        normal: NDArray[np.float64] = np.cross(self.along_row, self.along_column)
        return normal / np.linalg.norm(normal)


def mean_geometry(planes: Sequence[PlaneGeometry]) -> PlaneGeometry:
    """The first plane, with the mean orientation and pixel spacing of planes that are alike.

    Scanners round the orientation of each image. Equal planes give exactly their own orientation.
    """
    first = planes[0]
    alike = np.array([plane.orientation_and_spacing for plane in planes])
    if (alike == alike[0]).all():
        return first
    mean = alike.mean(axis=0)
    normal = np.cross(mean[:3], mean[3:6])
    row = mean[:3] / np.linalg.norm(mean[:3])
    column = np.cross(normal / np.linalg.norm(normal), row)
    return replace(
        first, along_row=row, along_column=column, spacing=(float(mean[6]), float(mean[7]))
    )
