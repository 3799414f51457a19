"""Runs networks on the windows of one scan, row by row, and blends their outputs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
    sums: dict[int, WindowSums] = field(default_factory=dict)
    """By the number of the network; one for all of them in float32."""

    @property
    def sums_logits(self) -> bool:
        """Whether logits are summed instead of features."""
        return len(self.networks) > 1 or self._rounds

    @property
    def _rounds(self) -> bool:
        return self.windows.sums == "float16"

    def slabs(self, source: ImageSource) -> Iterator[Slab]:
        """The blended features of the whole grid, in order along the plan's axis, or the blended
        logits (`sums_logits`).

        Where memory is short, batches become smaller; then the sums go to scratch. Raises
        MemoryError where that is not enough.
        """
        padded = PaddedSource(source, self.plan, self.windows)
        for row in self.plan.rows():
            for number, open_network in enumerate(self.networks):
                self._add_row(row, padded, open_network(), number if self._rounds else 0)
            slabs = (sums.finish(row.done) for sums in self.sums.values())
            yield from map(_mean, zip(*slabs, strict=True))

    def _add_row(self, row: Row, source: PaddedSource, session: Runner, number: int) -> None:
        """One network on all windows of a row; `number`: that of its sums."""
        network = MirroredNetwork(
            session, self.windows, self.run.context.token, self.most_images,
            logits=self.sums_logits,
        )  # fmt: skip

        def images(batch: Sequence[Box]) -> NDArray[np.float32]:
            return np.stack([source.read(window) for window in batch])

        size = network.most_windows
        batches = [row.windows[n : n + size] for n in range(0, len(row.windows), size)]
        for batch, values in prefetch(images, batches):
            self._add(batch, values, network, session, number)
        self.most_images = min(self.most_images, network.most_images)
        if len(self.networks) > 1:  # the next one needs the memory
            session.release_memory()

    def _add(
        self,
        batch: Sequence[Box],
        images: NDArray[np.float32],
        network: MirroredNetwork,
        session: Runner,
        number: int,
    ) -> None:
        began = perf_counter()
        features = self._features(images, network, session)
        if number not in self.sums:
            self.sums[number] = self.new_sums(len(features[0]))
        for window, values in zip(batch, features, strict=True):
            self.sums[number].add(window, values, network.passes)
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
            in_memory = [sums for sums in self.sums.values() if not sums.on_scratch]
            if not in_memory:
                raise
            for sums in in_memory:
                sums.move_to_scratch()
        return network.run(images)


def _mean(slabs: tuple[Slab, ...]) -> Slab:
    """The mean of the same rows of several networks, rounded at every step as they are."""
    first, *others = slabs
    total = first.features
    for slab in others:
        total += slab.features
    return Slab(first.box, total / total.dtype.type(len(slabs)) if others else total)
