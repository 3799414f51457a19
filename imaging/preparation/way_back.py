"""What a preparation step did to the grid, so that results can be brought back."""

from dataclasses import dataclass
from typing import Literal

from imaging.box import Box

Anchor = Literal["edges", "centres"]
"""What two grids share: the outer edges of their first and last voxels, or centres of voxels."""


@dataclass(frozen=True, slots=True)
class Cropped:
    """The grid was cropped; results are background outside the box."""

    box: Box
    """The part that was kept, in voxels of `grid`."""
    grid: tuple[int, ...]
    """The shape before."""


@dataclass(frozen=True, slots=True)
class Padded:
    """Voxels were added around the grid; results there are dropped."""

    start: tuple[int, ...]
    """How many were added before the first voxel, along each axis."""
    before: tuple[int, ...]
    """The shape before."""
    after: tuple[int, ...]
    """The shape of the result."""


@dataclass(frozen=True, slots=True)
class Resized:
    """The grid was resampled along its axes."""

    before: tuple[int, ...]
    """The shape before."""
    after: tuple[int, ...]
    """The shape of the result."""
    ratios: tuple[float, ...]
    """Voxels of `before` per voxel of `after`, along each axis. With the anchor `edges` the
    quotient of the two shapes, with `centres` of the two spacings."""
    anchor: Anchor
    offsets: tuple[float, ...] = (0.0, 0.0, 0.0)
    """With the anchor `centres`: where the centre of the first voxel of `after` is along each axis,
    in voxels of `before`."""
    coarse_axis: int | None = None
    """The axis that was resampled apart from the others, by another order."""
    coarse_axis_back: int | None = None
    """The axis that nnU-Net resamples apart on the way back, for which it looks at the spacing of
    the result first; differs from `coarse_axis` where both spacings have a coarse axis."""


WayBack = Cropped | Padded | Resized
