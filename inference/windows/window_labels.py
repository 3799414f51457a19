"""The labels of one scan from overlapping windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from inference.labels import Decision
from inference.network_run import ImageSource, NetworkRun
from inference.networks.session import Runner
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.windows.memory import window_memory
from inference.windows.on_scan import LabelStream, ToLogits
from inference.windows.plan import WindowPlan, plan_windows
from inference.windows.sums import WindowSums
from inference.windows.weights import window_weights
from inference.windows.window_run import OpenNetwork, WindowRun
from models.windows import Windows


@dataclass(slots=True)
class WindowLabels:
    """The windows of one scan, from its image to labels."""

    source: ImageSource
    windows: Windows
    plan: WindowPlan
    run: NetworkRun
    results: ResultGrid
    budget: Budget
    members: Sequence[OpenNetwork]

    def __len__(self) -> int:
        """Windows, counted once for each network."""
        return len(self.plan) * (1 + len(self.members))

    def __iter__(self) -> Iterator[tuple[Box, Decision]]:
        """Boxes of the scan's grid and their labels; together they are `results.box`.

        Raises Unavailable where a window does not fit the budget, StorageFull where the sums do not
        fit memory and scratch, and what the network raises.
        """
        memory = window_memory(self.plan, self.results.card, self.budget)
        session, context = self.run.session, self.run.context
        weights = window_weights(self.windows)

        def new_sums(channels: int) -> WindowSums:
            return WindowSums(
                self.plan,
                weights,
                channels,
                precision=self.windows.sums,
                scratch=context.scratch,
                on_scratch=memory.sums_on_scratch,
            )

        networks = [lambda: session, *self.members]
        windows = WindowRun(
            self.plan, self.windows, networks, memory.most_images, self.run, new_sums
        )
        to_logits = _single if windows.sums_logits else self._to_logits(session)
        stream = LabelStream(to_logits, self.results, self.plan.along)
        for slab in windows.slabs(self.source):
            context.token.check()
            yield from stream.add(slab)

    def _to_logits(self, session: Runner) -> ToLogits:
        """What makes logits (outputs, *spatial) of blended features (any, *spatial)."""
        if self.windows.slicewise:  # the slices are a batch
            return lambda features: session.logits(features.swapaxes(0, 1)).swapaxes(0, 1)
        return lambda features: session.logits(features[np.newaxis])[0]


def _single(logits: NDArray[Any]) -> NDArray[np.float32]:
    return logits.astype(np.float32, copy=False)


def window_labels(
    source: ImageSource,
    windows: Windows,
    results: ResultGrid,
    session: Runner,
    budget: Budget,
    context: RunContext,
    members: Sequence[OpenNetwork] = (),
) -> WindowLabels:
    """Plans the windows of an image; iterating over the result runs them.

    `members`: further networks whose outputs are averaged with those of `session`.
    """
    plan = plan_windows(windows, source.grid)
    run = NetworkRun(session, context, len(plan) * (1 + len(members)))
    return WindowLabels(source, windows, plan, run, results, budget, members)
