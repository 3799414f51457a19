"""Runs a network level by level, where whole tiles would read far more than they write.

The deepest layers of a U-Net determine its halo: 51 voxels on each side of a tile with three
levels, which leaves little of a tile that fits into little memory. Cut at its poolings, each part
needs only the halo of its own few layers. The arrays between levels may be larger than memory:
with 16, 32, 64 channels some 24 bytes a voxel, of which most is read once.

    image --- down ---> entry (1/2) --- below ---> (1/2) --- up, with the image again ---> logits
                                |                    ^
                                down, below, up at half the resolution, and so on

Every voxel has the same value as in one pass: the same layers see the same values.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import Unavailable
from imaging.large_arrays import large_zeros
from imaging.tiling import Plan, Span, Tile, TileRule, plan_axis
from inference.network_run import ImageSource, NetworkRun, Wanted, cut_tiles, every_tile
from inference.networks.network import Level
from inference.planner import Budget, cheapest
from models.card import ModelCard
from models.tile_rules import tile_rules

WASTE = 1.5
"""Levels are considered where whole tiles read more than this times the voxels of the scan."""
_REPEATED_WORK = 1.3
"""Work of levels relative to one pass, without their halos: `down` runs twice."""
_DEEPER_MEMORY = 3.0
"""Working memory of a voxel relative to one in the level above, at most: U-Nets double their
channels, and the arrays between levels come on top."""


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """The tiles of one level and the plan for the level below."""

    down: Plan
    up: Plan
    below: "LevelPlan | Plan"
    """A Plan: tiles that go through everything below in one piece."""

    @property
    def tiles(self) -> int:
        """Number of tiles of this level and all below."""
        below = self.below.tiles if isinstance(self.below, LevelPlan) else len(self.below)
        return len(self.down) + len(self.up) + below

    @property
    def depth(self) -> int:
        """How often the network is cut."""
        return 1 + (self.below.depth if isinstance(self.below, LevelPlan) else 0)


def plan_levels(
    level: Level | None,
    card: ModelCard,
    grid: Sequence[int],
    budget: Budget,
    whole: Plan | None,
    overlap: int = 0,
) -> LevelPlan | None:
    """A plan that replaces the tiles `whole` (None: none fit); None where it is not less work or
    the network cannot be cut."""
    if level is None or not card.exact or card.padding != "same":
        return None
    read = prod(whole.read_shape) * len(whole) / prod(grid) if whole else np.inf
    if read <= WASTE:
        return None
    padded = tuple(rule.at_least(n) for n, rule in zip(grid, tile_rules(card), strict=True))
    try:
        plan = plan_cut(level, padded, partial(budget.tile_bytes, card), budget, overlap)
    except Unavailable:
        return None
    if plan is None:
        return None
    work = prod(plan.up.read_shape) * len(plan.up) / prod(grid) * _REPEATED_WORK
    return None if work >= read else replace(plan, up=_within(plan.up, grid))


def plan_cut(
    level: Level,
    grid: Sequence[int],
    tile_bytes: Callable[[Sequence[int]], float],
    budget: Budget,
    overlap: int = 0,
) -> LevelPlan | None:
    """Tiles for a grid of legal size. None where the network cannot be cut often enough for the
    rest to fit. Raises Unavailable where not even the smallest tile fits."""
    if level.below is None or any(n % 2 for n in grid):
        return None
    down, up = (
        cheapest([TileRule(halo, 2, 2, False)] * len(grid), grid, tile_bytes, budget, more)
        for halo, more in ((level.halo_down, 0), (level.halo_up, overlap))
    )
    half = [n // 2 for n in grid]

    def deeper_bytes(shape: Sequence[int]) -> float:
        return _DEEPER_MEMORY * tile_bytes(shape)

    below: LevelPlan | Plan | None
    if deeper_bytes(half) <= budget.memory_bytes:
        below = Plan(tuple(tuple(plan_axis(n, TileRule(0, 1, 1, False))) for n in half))
    elif level.below.halo is not None:  # the deepest level
        rule = TileRule(level.below.halo, 1, 1, False)
        below = cheapest([rule] * len(half), half, deeper_bytes, budget)
    else:
        below = plan_cut(level.below, half, deeper_bytes, budget)
    return None if below is None else LevelPlan(down, up, below)


def _within(plan: Plan, grid: Sequence[int]) -> Plan:
    """The same tiles, without what they keep beyond the grid."""

    def clipped(span: Span, n: int) -> Span:
        keep, write = ((a, min(b, n)) for a, b in (span.keep, span.write))
        return replace(span, keep=keep, write=write)

    return Plan(
        tuple(
            tuple(clipped(span, n) for span in spans if span.keep[0] < n)
            for spans, n in zip(plan.axes, grid, strict=True)
        )
    )


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An array (channels, *grid) that is read by region."""

    array: NDArray[np.float32]

    @property
    def grid(self) -> tuple[int, ...]:
        """Its spatial shape."""
        return self.array.shape[1:]

    def read(self, box: Box) -> NDArray[np.float32]:
        """(channels, *box.shape)"""
        return self.array[(slice(None), *box.slices)]


def run_levels(
    plan: LevelPlan,
    level: Level,
    source: ImageSource,
    run: NetworkRun,
    wanted: Wanted = every_tile,
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
    """Each wanted tile of the highest level, and its features.

    A tile that reads beyond the grid of `source` gets mirrored voxels.
    """
    if level.below is None:
        raise Unavailable("This network cannot be run level by level.")
    below = _run_below(plan, level, level.below, source, run)

    def up(tile: Tile, image: NDArray[Any]) -> NDArray[np.float32]:
        half = below[(slice(None), *_halved(tile.read).slices)]
        return run.part(partial(level.up, image[None], half[None]), image)

    yield from run.over(source, filter(wanted, plan.up), up)


def _run_below(
    plan: LevelPlan, level: Level, below: Level, source: ImageSource, run: NetworkRun
) -> NDArray[np.float32]:
    """The output of the level below, (channels, *half of the grid)."""
    entry = StoredImage(_entry(plan.down, level, source, run))
    level.release_memory()  # each part would keep its own working memory
    if isinstance(plan.below, LevelPlan):
        parts = run_levels(plan.below, below, entry, run)
    else:
        parts = _run_whole(plan.below, below, entry, run)
    output = large_zeros((below.out_channels, *entry.grid), np.float32, run.context.scratch)
    for tile, part in parts:
        output[(slice(None), *tile.keep.slices)] = part
    below.release_memory()
    return output


def _run_whole(
    tiles: Plan, level: Level, source: ImageSource, run: NetworkRun
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
    """Each tile, and the output of the whole level for it."""

    def whole(_tile: Tile, image: NDArray[Any]) -> NDArray[np.float32]:
        return run.part(partial(level.run, image[None]), image)

    yield from run.over(source, tiles, whole)


def _entry(down: Plan, level: Level, source: ImageSource, run: NetworkRun) -> NDArray[np.float32]:
    """The input of the level below, (channels, *half of the grid)."""
    half = tuple(spans[-1].keep[1] // 2 for spans in down.axes)
    entry = large_zeros((level.entry_channels, *half), np.float32, run.context.scratch)
    for tile, image in cut_tiles(source, down):
        began = perf_counter()
        pooled = run.part(partial(level.down, image[None]), image)
        crop = (slice(step.start // 2, step.stop // 2) for step in tile.crop)
        entry[(slice(None), *_halved(tile.keep).slices)] = pooled[(slice(None), *crop)]
        run.tile_done(perf_counter() - began)
    return entry


def _halved(box: Box) -> Box:
    return Box(tuple(n // 2 for n in box.start), tuple(n // 2 for n in box.stop))
