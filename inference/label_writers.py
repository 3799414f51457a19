"""Fill a scan's grid with labels: from exact tiles, or from overlapping windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imaging import tiling
from imaging.errors import StorageFull
from inference.empty_regions import EmptyRegions
from inference.mask_blocks import MaskBlocks
from inference.network_input import NetworkInput
from inference.network_run import NetworkRun
from inference.networks.session import Runner
from inference.options import RunOptions
from inference.planner import Budget
from inference.results import ResultGrid
from inference.run_context import RunContext
from inference.tile_logits import strips, tile_features, values_on_scan
from inference.windows.plan import WindowPlan
from inference.windows.window_labels import WindowLabels, window_labels
from inference.windows.window_run import OpenNetwork
from inference.work_plan import WorkPlan, WorkPlanner
from models.card import ModelCard


@dataclass(frozen=True, slots=True)
class Written:
    """How labels were computed."""

    plan: tiling.Plan | WindowPlan
    seconds: float
    """In which the network computed."""
    shrunk_to: int | None = None
    """Bytes that a tile may need, where memory was short for larger tiles."""
    depth: int = 0
    """How often the network was cut; see `inference.levels`."""
    unsure: Mapping[int, float] | None = None
    """As `UnsureVoxels.shares`; None: it is not known."""


def write_labels(
    labels: NDArray[Any],
    subject: NetworkInput,
    card: ModelCard,
    session: Runner,
    budget: Budget,
    options: RunOptions,
    context: RunContext,
    members: Sequence[OpenNetwork] = (),
) -> Written:
    """Fills the oriented grid with the network's labels, or with those of all `members` and the
    network together."""
    results = ResultGrid.of(subject, card)
    if card.windows is not None:
        parts = window_labels(subject, card.windows, results, session, budget, context, members)
        return _in_windows(labels, subject, parts)
    planner = WorkPlanner(results, session.level, budget, options)
    work = planner.plan()
    while True:
        try:
            mask = MaskBlocks(labels, EmptyRegions(subject, card), card)
            seconds = _in_tiles(mask, subject, results, work, session, context)
            return Written(work.tiles, seconds, planner.shrunk_to, work.depth, mask.shares)
        except StorageFull as error:
            work = planner.without_levels(work, error)
        except MemoryError as error:
            session.release_memory()
            work = planner.with_smaller_tiles(work, error)


def _in_windows(labels: NDArray[Any], subject: NetworkInput, parts: WindowLabels) -> Written:
    context, card = parts.run.context, parts.results.card
    mask = MaskBlocks(labels, EmptyRegions(subject, card), card)
    context.on_tile(0, len(parts))
    for box, decision in parts:
        context.token.check()
        mask.put(box, decision)
    return Written(parts.plan, parts.run.seconds, unsure=mask.shares)


def _in_tiles(
    mask: MaskBlocks,
    subject: NetworkInput,
    results: ResultGrid,
    work: WorkPlan,
    session: Runner,
    context: RunContext,
) -> float:
    """Returns the seconds in which the network computed."""
    run = NetworkRun(session, context, len(work))

    def wanted(tile: tiling.Tile) -> bool:
        covered = mask.empty.cover(tile)
        if covered:
            run.tile_done(0.0)
        return not covered

    context.on_tile(0, len(work))
    for tile, features in tile_features(subject, work, run, wanted):
        for strip in strips(tile.write, len(results.card.outputs)):
            context.token.check()
            values = values_on_scan(features, tile, results, session, strip)
            mask.put(strip, results.decide(values))
    return run.seconds
