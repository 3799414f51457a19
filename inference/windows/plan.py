"""Plans windows: where they start, and in which order they run.

start         0         1         2            windows of one row start together along `along`
row 0     |---------------|
row 1               |---------------|
          |  done   |                          no later window reaches these voxels
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod

from imaging.box import Box
from models.windows import Windows

_LARGER = 1.5
"""Rows along the first axis may be so many times larger than others: they are contiguous in memory
and quick to finish."""


@dataclass(frozen=True, slots=True)
class Row:
    """The windows that start together along one axis."""

    windows: tuple[Box, ...]
    """On the padded grid."""
    done: int
    """No later window reaches the voxels before this index along that axis."""


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """The windows of one scan. They lie on the network's grid, padded to at least one window."""

    grid: tuple[int, ...]
    """The network's grid."""
    patch: tuple[int, ...]
    starts: tuple[tuple[int, ...], ...]
    """First voxels of the windows on the padded grid, per axis."""
    along: int
    """The axis along which rows follow each other."""

    def __len__(self) -> int:
        return prod(len(starts) for starts in self.starts)

    @property
    def padded(self) -> tuple[int, ...]:
        """The shape of the padded grid."""
        return tuple(max(n, size) for n, size in zip(self.grid, self.patch, strict=True))

    @property
    def before(self) -> tuple[int, ...]:
        """Voxels of padding before the grid, per axis; after it there may be one more."""
        return tuple((more - n) // 2 for more, n in zip(self.padded, self.grid, strict=True))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The voxels that the windows of one row cover."""
        return _row_shape(self.padded, self.patch, self.along)

    def rows(self) -> Iterator[Row]:
        """All windows, row by row."""
        ends = (*self.starts[self.along][1:], self.padded[self.along])
        for start, done in zip(self.starts[self.along], ends, strict=True):
            axes = [(start,) if a == self.along else own for a, own in enumerate(self.starts)]
            yield Row(tuple(map(self._window, product(*axes))), done)

    def _window(self, start: tuple[int, ...]) -> Box:
        return Box(start, tuple(a + size for a, size in zip(start, self.patch, strict=True)))


def plan_windows(windows: Windows, grid: Sequence[int]) -> WindowPlan:
    """The windows of a scan whose network grid is `grid`."""
    padded = [max(n, size) for n, size in zip(grid, windows.patch, strict=True)]
    starts = [
        axis_starts(length, size, windows)
        for length, size in zip(padded, windows.patch, strict=True)
    ]
    if windows.slicewise:
        starts[0] = tuple(range(padded[0]))
    first_only = windows.slicewise or windows.sums == "float16"  # rounding depends on the order
    along = 0 if first_only else _along(padded, windows.patch)
    return WindowPlan(tuple(grid), windows.patch, tuple(starts), along)


def _along(padded: Sequence[int], patch: Sequence[int]) -> int:
    """The axis with the smallest rows, if they are much smaller than those of the first axis."""
    sizes = [prod(_row_shape(padded, patch, axis)) for axis in range(len(padded))]
    return 0 if sizes[0] <= _LARGER * min(sizes) else sizes.index(min(sizes))


def axis_starts(length: int, size: int, windows: Windows) -> tuple[int, ...]:
    """Starts of the windows along one axis of `length` voxels, at least `size`; ascending."""
    if windows.step_rule == "spread":
        count = ceil((length - size) / (size * windows.step)) + 1
        step = (length - size) / max(1, count - 1)
        return tuple(round(n * step) for n in range(count))
    step = max(1, int(size * windows.step))
    count = ceil((length - size) / step) + 1
    return tuple(min(n * step, length - size) for n in range(count))


def _row_shape(padded: Sequence[int], patch: Sequence[int], along: int) -> tuple[int, ...]:
    return tuple(patch[a] if a == along else n for a, n in enumerate(padded))
