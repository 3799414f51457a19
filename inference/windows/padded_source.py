"""Reads windows, which may reach beyond a scan that is smaller than a window."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.tiling import mirror
from inference.network_run import ImageSource
from inference.windows.plan import WindowPlan
from models.windows import Windows


@dataclass(frozen=True, slots=True)
class PaddedSource:
    """An image on the padded grid of a plan."""

    source: ImageSource
    plan: WindowPlan
    windows: Windows

    def read(self, window: Box) -> NDArray[np.float32]:
        """(channels, *window.shape); `window` is a box of the padded grid."""
        spans = zip(window.start, window.stop, self.plan.before, strict=True)
        ranges = [(start - before, stop - before) for start, stop, before in spans]
        grid = self.source.grid
        indices = [self._inside(*span, n) for span, n in zip(ranges, grid, strict=True)]
        inner = Box(tuple(int(i.min()) for i in indices), tuple(int(i.max()) + 1 for i in indices))
        block = self.source.read(inner).astype(np.float32, copy=False)
        for axis, (index, (start, stop), n) in enumerate(zip(indices, ranges, grid, strict=True)):
            if start < 0 or stop > n:
                block = np.take(block, index - inner.start[axis], axis + 1)
                if self.windows.pad_mode == "constant":
                    _fill(block, axis + 1, np.arange(start, stop), n, self.windows.pad_value)
        return block

    def _inside(self, start: int, stop: int, length: int) -> NDArray[np.intp]:
        """Indices of the image for [start, stop), which may reach beyond [0, length)."""
        if self.windows.pad_mode == "reflect":
            return mirror(start, stop, length)
        return np.clip(np.arange(start, stop), 0, length - 1)


def _fill(
    block: NDArray[Any], axis: int, index: NDArray[np.intp], length: int, value: float
) -> None:
    """Sets what lies outside of [0, length) along an axis, in place."""
    outside = (index < 0) | (index >= length)
    block[(slice(None),) * axis + (outside,)] = value
