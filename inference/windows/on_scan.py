"""Turns blended slabs into labels on the scan's grid, as soon as all their neighbours are there."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from inference.labels import Decision
from inference.results import ResultGrid
from inference.windows.sums import Slab

ToLogits = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Features (any, *spatial) -> logits (outputs, *spatial)."""
STRIP_VALUES = 1 << 20
"""Values on the scan's grid that exist at once, if a strip has more than one row."""


class LabelStream:
    """Takes slabs in order along one axis, and keeps only what later labels still need."""

    def __init__(self, to_logits: ToLogits, results: ResultGrid, along: int) -> None:
        self._to_logits, self._results, self._along = to_logits, results, along
        self._axis = results.axes[along]
        self._kept: NDArray[Any] | None = None
        self._start, self._next = 0, self._axis.start

    def add(self, slab: Slab) -> Iterator[tuple[Box, Decision]]:
        """Boxes of the scan's grid and their labels: all that the slabs so far determine."""
        values = self._results.values(self._to_logits(slab.features))
        axis, taps = self._along + 1, self._axis
        kept = values if self._kept is None else np.concatenate([self._kept, values], axis)
        stop = self._start + kept.shape[axis]
        ready = taps.start + int(np.searchsorted(taps.last, stop))
        yield from self._labels(kept, ready)
        self._next = ready
        needed = int(taps.first[ready - taps.start]) if ready < taps.stop else stop
        keep = (slice(None),) * axis + (slice(max(0, needed - self._start), None),)
        self._kept = kept[keep].copy()
        self._start = stop - self._kept.shape[axis]

    def _labels(self, kept: NDArray[Any], ready: int) -> Iterator[tuple[Box, Decision]]:
        whole = self._results.box
        row = len(kept) * whole.size // max(1, whole.shape[self._along])
        step = max(1, STRIP_VALUES // max(1, row))
        for start in range(self._next, ready, step):
            box = _rows(whole, self._along, start, min(start + step, ready))
            needed = self._results.needed(box)
            first, last = needed.start[self._along], needed.stop[self._along]
            rows = slice(first - self._start, last - self._start)
            part = kept[(slice(None),) * (self._along + 1) + (rows,)]
            part_box = _rows(Box.whole(self._results.grid), self._along, first, last)
            yield box, self._results.decide(self._results.onto(part, part_box, box))


def _rows(box: Box, along: int, first: int, last: int) -> Box:
    """The part of a box from `first` to before `last` along one axis."""
    start, stop = [*box.start], [*box.stop]
    start[along], stop[along] = first, last
    return Box(tuple(start), tuple(stop))
