"""A scan: a grid of voxels with a position in space, read by region."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box

if TYPE_CHECKING:  # it loads pydicom
    from imaging.formats.dicom.source_series import SourceSeries

Reader = Callable[[Box], NDArray[Any]]
Padding = Callable[[Box], NDArray[np.bool_] | None]
"""Box -> which of its voxels are padding, of shape `box.shape`; None where none is."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A volume or image whose voxels are read by region; it need not fit into memory.

    A volume's axes are (c, i, j, k) and its affine maps (i, j, k) to RAS+ mm. An image's axes are
    (c, row, column); its affine is the identity over (row, column, 0), and it has a spacing only if
    the file states a physical one.
    """

    shape: tuple[int, ...]
    """(c, i, j, k) for a volume, (c, row, column) for an image."""
    dtype: np.dtype[Any]
    """Type of the values that `read` returns, after the format's scale and offset."""
    affine: NDArray[np.float64]
    """(4, 4): voxel index -> RAS+ mm."""
    spacing_mm: tuple[float, ...] | None
    """Voxel size along each spatial axis; None if the file does not state one."""
    format: str
    """The name of its `ScanFormat`, such as `nifti`; a view has its source's."""
    reader: Reader
    """Box -> array of shape (c, *box.shape); boxes are inside the grid."""
    stored_shape: tuple[int, ...]
    """Shape of the array in the file; a mask is written with the same shape."""
    warnings: tuple[str, ...] = ()
    """Problems that a user should know about, without patient data."""
    source: "SourceSeries | None" = None
    """The DICOM series that the scan was read from, for results that refer to its images; None for
    every other format."""
    padding: Padding | None = None
    """Which voxels lie outside of what was acquired (see imaging/padding.py); `read` returns air or
    the least real value for them. None: the scan has no padding."""

    @property
    def grid(self) -> tuple[int, ...]:
        """The spatial shape."""
        return self.shape[1:]

    @property
    def dimension(self) -> int:
        """2 for an image, 3 for a volume."""
        return len(self.shape) - 1

    def read(self, box: Box) -> NDArray[Any]:
        """Voxels of `box`, of shape (c, *box.shape), as stored (no normalisation)."""
        return self.reader(box)

    def padding_in(self, box: Box) -> NDArray[np.bool_] | None:
        """Which voxels of `box` are padding, of shape `box.shape`; None where none is."""
        return None if self.padding is None else self.padding(box)


def in_memory(values: NDArray[Any], spacing_mm: tuple[float, ...] | None = None) -> Scan:
    """A scan of an array (c, *spatial), on canonical axes, with its first voxel at the origin."""
    solid = spacing_mm is not None and len(spacing_mm) == 3
    return Scan(
        shape=values.shape,
        dtype=values.dtype,
        affine=np.diag([*(spacing_mm or ()), 1.0]) if solid else np.eye(4),
        spacing_mm=spacing_mm,
        format="array",
        reader=lambda box: values[(slice(None), *box.slices)],
        stored_shape=values.shape[1:],
    )
