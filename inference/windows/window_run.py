"""Runs networks on the windows of one scan, row by row, and blends their outputs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from inference.network_run import ImageSource, NetworkRun
from inference.networks.session import Runner
from inference.prefetch import prefetch
from inference.windows.mirrored_network import MirroredNetwork
from inference.windows.padded_source import PaddedSource
from inference.windows.plan import Row, WindowPlan
from inference.windows.sums import Slab, WindowSums
from models.windows import Windows

NewSums = Callable[[int], WindowSums]
"""Makes the sums for a number of channels."""
OpenNetwork = Callable[[], Runner]
"""Returns a network of the model, loaded by this call if it is not loaded yet."""


@dataclass(slots=True)
class WindowRun:
    """The networks of a model at work on the windows of one scan."""

    plan: WindowPlan
    windows: Windows
    networks: Sequence[OpenNetwork]
    """Their outputs are averaged. Several run one after the other on each row of windows, so that
    they need not be loaded at the same time."""
    most_images: int
    """How many images go through a network together."""
    run: NetworkRun
    """Counts and times the windows."""
    new_sums: NewSums
    sums: WindowSums | None = None

    def slabs(self, source: ImageSource) -> Iterator[Slab]:
        """The blended features of the whole grid, in order along the plan's axis; of several
        networks, the blended logits.

        Where memory is short, batches become smaller; then the sums go to scratch. Raises
        MemoryError where that is not enough.
        """
        padded = PaddedSource(source, self.plan, self.windows)
        for row in self.plan.rows():
            for open_network in self.networks:
                self._add_row(row, padded, open_network())
            if self.sums is not None:
                yield from self.sums.finish(row.done)

    def _add_row(self, row: Row, source: PaddedSource, session: Runner) -> None:
        """One network on all windows of a row."""
        token, several = self.run.context.token, len(self.networks) > 1
        network = MirroredNetwork(session, self.windows, token, self.most_images, logits=several)

        def images(batch: Sequence[Box]) -> NDArray[np.float32]:
            return np.stack([source.read(window) for window in batch])

        size = network.most_windows
        batches = [row.windows[n : n + size] for n in range(0, len(row.windows), size)]
        for batch, values in prefetch(images, batches):
            self._add(batch, values, network, session)
        self.most_images = min(self.most_images, network.most_images)
        if several:  # the next one needs the memory
            session.release_memory()

    def _add(
        self,
        batch: Sequence[Box],
        images: NDArray[np.float32],
        network: MirroredNetwork,
        session: Runner,
    ) -> None:
        began = perf_counter()
        features = self._features(images, network, session)
        if self.sums is None:
            self.sums = self.new_sums(len(features[0]))
        for window, values in zip(batch, features, strict=True):
            self.sums.add(window, values, network.passes)
        seconds = perf_counter() - began
        for _ in batch:
            self.run.tile_done(seconds / len(batch))

    def _features(
        self, images: NDArray[np.float32], network: MirroredNetwork, session: Runner
    ) -> list[NDArray[np.float32]]:
        try:
            return network.run(images)
        except MemoryError:
            session.release_memory()
            if self.sums is None or self.sums.on_scratch:
                raise
            self.sums.move_to_scratch()
        return network.run(images)
