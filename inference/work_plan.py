"""Plans which tiles a network runs on for one scan: whole tiles, or level by level."""

from dataclasses import dataclass, replace

from imaging import tiling
from imaging.errors import BadRequest, StorageFull, Unavailable
from inference.levels import LevelPlan, plan_levels
from inference.networks.network import Level
from inference.options import RunOptions
from inference.planner import Budget, plan
from inference.results import ResultGrid


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """The tiles of one scan."""

    tiles: tiling.Plan
    """Tiles that write the mask; with levels, those of the highest."""
    levels: LevelPlan | None
    """None: each tile goes through the whole network."""

    def __len__(self) -> int:
        return self.levels.tiles if self.levels else len(self.tiles)

    @property
    def depth(self) -> int:
        """How often the network is cut."""
        return self.levels.depth if self.levels else 0


def plan_work(
    results: ResultGrid, level: Level | None, budget: Budget, options: RunOptions
) -> WorkPlan:
    """Tiles through the whole network, or level by level where that is less work.

    Raises Unavailable where not even the smallest tile fits the budget.
    """
    card = results.card
    try:
        whole = plan_tiles(results, budget, options)
    except Unavailable:
        whole = None
    levels = None
    if options.tile is None:
        levels = plan_levels(level, card, results.grid, budget, whole, _overlap(results))
    if levels is None:  # where no whole tile fits, planning again raises the error
        return WorkPlan(whole or plan_tiles(results, budget, options), None)
    up = _on_scan(levels.up, results)
    return WorkPlan(up, replace(levels, up=up))


def plan_tiles(results: ResultGrid, budget: Budget, options: RunOptions) -> tiling.Plan:
    """Tiles on the network's grid whose write regions partition the results on the scan's grid."""
    card = results.card
    tile = None if options.tile is None else _per_axis(options.tile, card.dimension)
    tiles = plan(card, results.grid, budget, tile, overlap=_overlap(results))
    return _on_scan(tiles, results)


def _overlap(results: ResultGrid) -> int:
    """How many outputs beyond its own a tile keeps for interpolation."""
    return max(axis.reach for axis in results.axes)


def _on_scan(tiles: tiling.Plan, results: ResultGrid) -> tiling.Plan:
    """The same tiles, writing on the scan's grid."""
    return tiling.Plan(
        tuple(
            tuple(tiling.onto(spans, axis.first, axis.start))
            for spans, axis in zip(tiles.axes, results.axes, strict=True)
        )
    )


def _per_axis(tile: tuple[int, ...], dimension: int) -> tuple[int, ...]:
    """One number stands for every axis."""
    if len(tile) == 1:
        return tile * dimension
    if len(tile) != dimension:
        raise BadRequest(
            f"The tile has {len(tile)} numbers.",
            expected=f"One number, or {dimension}, one per axis.",
            hint="Give --tile N, or a number for each axis.",
        )
    return tile


@dataclass(slots=True)
class WorkPlanner:
    """Plans the work for one subject, and again with less memory or disk when a plan fails."""

    results: ResultGrid
    level: Level | None
    budget: Budget
    options: RunOptions
    shrunk_to: int | None = None
    """Bytes that a tile may need after memory was short; None: it never was."""

    def plan(self) -> WorkPlan:
        """Raises Unavailable where not even the smallest tile fits."""
        return plan_work(self.results, self.level, self.budget, self.options)

    def without_levels(self, failed: WorkPlan, error: StorageFull) -> WorkPlan:
        """Whole tiles, which need no scratch; raises the error where there were no levels."""
        if failed.levels is None:
            raise error
        self.level = None
        return self.plan()

    def with_smaller_tiles(self, failed: WorkPlan, error: MemoryError) -> WorkPlan:
        """Tiles of half the memory; raises the error where there are none."""
        needed = self.budget.tile_bytes(self.results.card, failed.tiles.read_shape)
        self.shrunk_to = int(needed / 2)
        self.budget = replace(self.budget, memory_bytes=self.shrunk_to)
        if not self.results.card.exact:
            raise error
        try:
            return self.plan()
        except Unavailable:
            raise error from None
