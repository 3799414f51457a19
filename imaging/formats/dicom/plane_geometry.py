"""The position of an image plane in the patient."""

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

    @property
    def orientation_and_spacing(self) -> NDArray[np.float64]:
        """(8,): both unit vectors and both spacings."""
        return np.array([*self.along_row, *self.along_column, *self.spacing])

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,): unit vector perpendicular to the plane."""
        normal: NDArray[np.float64] = np.cross(self.along_row, self.along_column)
        return normal / np.linalg.norm(normal)
