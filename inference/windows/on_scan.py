"""Turns blended slabs into labels on the scan's grid, as soon as all their neighbours are there."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from inference.networks.session import Runner
from inference.results import ResultGrid
from inference.windows.sums import Slab

STRIP_VALUES = 1 << 20
"""Values on the scan's grid that exist at once, if a strip has more than one row."""


class LabelStream:
    """Takes slabs in order along one axis, and keeps only what later labels still need."""

    def __init__(self, session: Runner, results: ResultGrid, along: int) -> None:
        self._session, self._results, self._along = session, results, along
        axis = results.axes[along]
        rows = [axis.needed(row, row + 1) for row in range(axis.n_out)]
        self._first = np.array([first for first, _ in rows])
        self._last = np.array([last for _, last in rows])
        self._kept: NDArray[Any] | None = None
        self._start = self._next = 0

    def add(self, slab: Slab) -> Iterator[tuple[Box, NDArray[Any]]]:
        """Boxes of the scan's grid and their labels: all that the slabs so far determine."""
        values = self._results.values(self._session.logits(slab.features[np.newaxis])[0])
        axis = self._along + 1
        kept = values if self._kept is None else np.concatenate([self._kept, values], axis)
        stop = self._start + kept.shape[axis]
        ready = int(np.searchsorted(self._last, stop, side="right"))
        yield from self._labels(kept, ready)
        self._next = ready
        needed = int(self._first[ready]) if ready < len(self._first) else stop
        keep = (slice(None),) * axis + (slice(needed - self._start, None),)
        self._kept, self._start = kept[keep].copy(), needed

    def _labels(self, kept: NDArray[Any], ready: int) -> Iterator[tuple[Box, NDArray[Any]]]:
        shape = [axis.n_out for axis in self._results.axes]
        row = len(kept) * int(np.prod(shape)) // shape[self._along]
        step = max(1, STRIP_VALUES // max(1, row))
        for start in range(self._next, ready, step):
            box = self._across(shape, start, min(start + step, ready))
            needed = self._results.needed(box)
            first, last = needed.start[self._along], needed.stop[self._along]
            rows = slice(first - self._start, last - self._start)
            part = kept[(slice(None),) * (self._along + 1) + (rows,)]
            grid = [axis.n_in for axis in self._results.axes]
            values = self._results.onto(part, self._across(grid, first, last), box)
            yield box, self._results.labels(values)

    def _across(self, shape: list[int], first: int, last: int) -> Box:
        """Rows [first, last) of a grid."""
        start, stop = [0] * len(shape), [*shape]
        start[self._along], stop[self._along] = first, last
        return Box(tuple(start), tuple(stop))
