"""What a preparation step receives and returns."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, blocks
from imaging.large_arrays import SLAB_VOXELS, large_zeros
from imaging.preparation.way_back import Cropped, WayBack
from imaging.scan import Scan


@dataclass(frozen=True, slots=True)
class PreparedChannel:
    """One scan or label map of the input, and how many components of the array it fills."""

    name: str
    components: int = 1
    is_label: bool = False
    """A label map: each component is 1 where a voxel has one of its values, and 0 elsewhere."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """The channels of one subject on one grid, between two steps."""

    values: NDArray[np.float32]
    """(components, *grid), finite; may be mapped from a file. It belongs to the next step, which
    may change it in place."""
    channels: tuple[PreparedChannel, ...]
    """What the components are, in their order."""
    spacing_mm: tuple[float, ...] | None
    """Voxel size along each axis; None where the scan does not state one."""
    steps_mm: NDArray[np.float64] | None = None
    """(3, 3): the step from voxel to voxel along each axis, one a column, in RAS+ mm; the first
    three columns of an affine. None: an image, or unknown."""
    padding: NDArray[np.bool_] | None = None
    """(components, *grid): voxels outside of what was acquired, which are not measured. None: there
    are none."""
    inside: NDArray[np.bool_] | None = None
    """(*grid): the voxels that `crop_nonzero` found inside. None: all, or no such step ran."""
    way_back: tuple[WayBack, ...] = ()
    """What was done to the grid, in this order."""
    warnings: tuple[str, ...] = ()
    """What a user should know about the scan."""

    @property
    def grid(self) -> tuple[int, ...]:
        """The spatial shape."""
        return self.values.shape[1:]

    def cropped(self, box: Box) -> Self:
        """A view of the voxels in a box, and the way back. `inside` is left out."""
        cut = (slice(None), *box.slices)
        return replace(
            self,
            values=self.values[cut],
            padding=None if self.padding is None else self.padding[cut],
            inside=None,
            way_back=(*self.way_back, Cropped(box, self.grid)),
        )

    def scans(self) -> list[tuple[PreparedChannel, list[int]]]:
        """Each channel that is no label map, and the indices of its components."""
        return [(one, indices) for one, indices in self._indexed() if not one.is_label]

    def label_maps(self) -> list[tuple[PreparedChannel, list[int]]]:
        """Each channel that is a label map, and the indices of its components."""
        return [(one, indices) for one, indices in self._indexed() if one.is_label]

    def _indexed(self) -> Iterator[tuple[PreparedChannel, list[int]]]:
        start = 0
        for channel in self.channels:
            stop = start + channel.components
            yield channel, list(range(start, stop))
            start = stop


def in_array(
    views: tuple[Scan, ...], channels: tuple[PreparedChannel, ...], scratch: Path | None = None
) -> Prepared:
    """The voxels of `views`, one for each channel, all on one grid and finite.

    An array that is larger than memory is stored in `scratch`.
    """
    grid = views[0].grid
    shape = (sum(channel.components for channel in channels), *grid)
    values = large_zeros(shape, np.float32, scratch)
    padding = None
    if any(view.padding is not None for view in views):
        padding = large_zeros(shape, np.bool_, scratch)
    start = 0
    for view in views:
        part = slice(start, start + view.shape[0])
        for box in blocks(grid, max(1, SLAB_VOXELS // view.shape[0])):
            values[(part, *box.slices)] = view.read(box)
            _note_padding(padding, view, part, box)
        start = part.stop
    first = views[0]
    steps = first.affine[:3, :3] if first.dimension == 3 else None
    return Prepared(values, channels, first.spacing_mm, steps, padding)


def _note_padding(padding: NDArray[np.bool_] | None, view: Scan, part: slice, box: Box) -> None:
    padded = view.padding_in(box)
    if padding is not None and padded is not None:
        padding[(part, *box.slices)] = padded
