"""Runs a network on the windows of one scan, row by row, and blends them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from inference.network_run import ImageSource, NetworkRun
from inference.prefetch import prefetch
from inference.windows.mirrored_network import MirroredNetwork
from inference.windows.padded_source import PaddedSource
from inference.windows.plan import WindowPlan
from inference.windows.sums import Slab, WindowSums
from models.windows import Windows

NewSums = Callable[[int], WindowSums]
"""Makes the sums for a number of channels."""


@dataclass(slots=True)
class WindowRun:
    """A network at work on the windows of one scan."""

    plan: WindowPlan
    windows: Windows
    network: MirroredNetwork
    run: NetworkRun
    """Counts and times the windows."""
    new_sums: NewSums
    sums: WindowSums | None = None

    def slabs(self, source: ImageSource) -> Iterator[Slab]:
        """The blended features of the whole grid, in order along the plan's axis.

        Where memory is short, batches become smaller; then the sums go to scratch. Raises
        MemoryError where that is not enough.
        """
        padded = PaddedSource(source, self.plan, self.windows)

        def images(batch: Sequence[Box]) -> NDArray[np.float32]:
            return np.stack([padded.read(window) for window in batch])

        for row in self.plan.rows():
            size = self.network.most_windows
            batches = [row.windows[n : n + size] for n in range(0, len(row.windows), size)]
            for batch, values in prefetch(images, batches):
                self._add(batch, values)
            if self.sums is not None:
                yield from self.sums.finish(row.done)

    def _add(self, batch: Sequence[Box], images: NDArray[np.float32]) -> None:
        began = perf_counter()
        features = self._features(images)
        if self.sums is None:
            self.sums = self.new_sums(features.shape[1])
        for window, values in zip(batch, features, strict=True):
            self.sums.add(window, values)
        seconds = perf_counter() - began
        for _ in batch:
            self.run.tile_done(seconds / len(batch))

    def _features(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            return self.network.run(images)
        except MemoryError:
            self.run.session.release_memory()
            if self.sums is None or self.sums.on_scratch:
                raise
            self.sums.move_to_scratch()
        return self.network.run(images)
