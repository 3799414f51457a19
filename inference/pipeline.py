"""From scans to a mask: prepares the input, runs the network on tiles, post-processes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from imaging.instances import number_instances
from imaging.large_arrays import large_zeros
from imaging.postprocessing.mask_context import MaskContext
from imaging.scan import Scan
from inference.cancellation import CancelToken
from inference.label_writers import write_labels
from inference.labels import label_type
from inference.network_input import network_input
from inference.networks.session import Runner
from inference.options import RunOptions
from inference.planner import Budget
from inference.run_context import RunContext, Step
from inference.windows.plan import WindowPlan
from inference.windows.window_run import OpenNetwork
from models.card import ModelCard
from models.doubt import Doubt


@dataclass(frozen=True, slots=True)
class Result:
    """A mask on the first scan's own grid, and how it was computed."""

    mask: NDArray[Any]
    """Label values, or object numbers; spatial shape of the scan, unsigned integers."""
    plan: tiling.Plan | WindowPlan
    warnings: tuple[str, ...]
    """About the scans."""
    seconds: Mapping[str, float]
    """`open`, `network` and `total`."""
    shrunk_to: int | None = None
    """Bytes that a tile may need, where memory was short for larger tiles."""
    depth: int = 0
    """How often the network was cut; see `inference.levels`."""
    doubts: tuple[Doubt, ...] = ()
    """Why the mask may be wrong."""
    uncompared: tuple[str, ...] = ()
    """As in `models.training_fit.TrainingFit`."""
    unsure: Mapping[int, float] | None = None
    """As `inference.unsure_voxels.UnsureVoxels.shares`; None: it is not known."""


def segment(
    scans: Mapping[str, Scan],
    card: ModelCard,
    session: Runner,
    budget: Budget,
    options: RunOptions | None = None,
    context: RunContext | None = None,
    members: Sequence[OpenNetwork] = (),
) -> Result:
    """Segments one subject; `scans` by channel name. Raises JobLost once the run is cancelled.

    `members`: further networks of a card with windows, averaged with `session`.

    Where memory is short for a tile, the run starts again with smaller tiles: the mask is the same.
    """
    options, context = options or RunOptions(), context or RunContext()
    started = perf_counter()
    readable = {name: cancellable(scan, context.token) for name, scan in scans.items()}
    with context.step(Step.READ):
        subject = network_input(readable, card, context.scratch, context.token)
    opened = perf_counter() - started
    labels = large_zeros(subject.oriented.scan.grid, label_type(card), context.scratch)
    with context.step(Step.SEGMENT):
        written = write_labels(labels, subject, card, session, budget, options, context, members)
    context.token.check()
    if isinstance(labels, np.memmap):  # post-processing needs the memory
        session.release_memory()
    grid = MaskContext(subject.oriented.scan.spacing_mm)
    with context.step(Step.POSTPROCESS):
        mask = subject.oriented.restore(postprocess(labels, card, grid, context.scratch))
    seconds = {"open": opened, "network": written.seconds, "total": perf_counter() - started}
    return Result(
        mask, written.plan, subject.warnings, seconds, written.shrunk_to, written.depth,
        subject.doubts, subject.uncompared, written.unsure,
    )  # fmt: skip


def cancellable(scan: Scan, token: CancelToken) -> Scan:
    """The scan; reading it raises JobLost once the run is cancelled: the statistics of a large scan
    take seconds."""

    def read(box: Box) -> NDArray[Any]:
        token.check()
        return scan.read(box)

    return replace(scan, reader=read)


def postprocess(
    labels: NDArray[Any], card: ModelCard, grid: MaskContext, scratch: Path | None = None
) -> NDArray[Any]:
    """Steps that need the whole mask: numbers objects, or applies the card's post-processing."""
    if card.instances is not None:
        rule = card.instances
        return number_instances(labels, rule.seed, rule.rim, rule.min_voxels, scratch)
    for step in card.postprocessing:
        step.apply(labels, grid)
    return labels
