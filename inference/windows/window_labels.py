"""Writes the labels of one scan from overlapping windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imaging.box import Box
from inference.network_run import ImageSource, NetworkRun
from inference.networks.session import Runner
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.windows.memory import window_memory
from inference.windows.mirrored_network import MirroredNetwork
from inference.windows.on_scan import LabelStream
from inference.windows.plan import WindowPlan, plan_windows
from inference.windows.sums import WindowSums
from inference.windows.weights import window_weights
from inference.windows.window_run import WindowRun
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

    def __iter__(self) -> Iterator[tuple[Box, NDArray[Any]]]:
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
                scratch=context.scratch,
                on_scratch=memory.sums_on_scratch,
            )

        most = min(memory.most_images, session.batch or memory.most_images)
        network = MirroredNetwork(session, self.windows, context.token, most)
        windows = WindowRun(self.plan, self.windows, network, self.run, new_sums)
        stream = LabelStream(session, self.results, self.plan.along)
        for slab in windows.slabs(self.source):
            context.token.check()
            yield from stream.add(slab)


def window_labels(
    source: ImageSource,
    windows: Windows,
    results: ResultGrid,
    session: Runner,
    budget: Budget,
    context: RunContext,
) -> WindowLabels:
    """Plans the windows of an image; iterating over the result runs them."""
    plan = plan_windows(windows, source.grid)
    run = NetworkRun(session, context, len(plan))
    return WindowLabels(source, windows, plan, run, results, budget)
