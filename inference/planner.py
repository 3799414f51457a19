"""Plans tiles: the legal tile of least work that fits the memory budget."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil, prod

from imaging.errors import Unavailable
from imaging.tiling import Plan, Span, TileRule, plan_axis
from models.card import ModelCard
from models.tile_rules import tile_rules

TILE_SECONDS = 2.0
"""Target for the duration of a tile, so that progress moves; not at the cost of more than SLACK
times the work."""
SLACK = 1.10
_OVERHEAD = 1.5
"""Working memory of runtimes relative to the card's arithmetic: up to 1.5 times as measured."""
TileBytes = Callable[[Sequence[int]], float]
"""Shape that a tile reads -> its working memory."""
UNKNOWN_BYTES = 2048.0
"""Working memory per input voxel for a card without it: that of a U-Net of 64 channels."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The memory and time that a tile may take."""

    memory_bytes: int
    voxels_per_second: float | None = None
    """Measured speed; None: tiles are limited by memory alone."""
    bytes_per_voxel: float | None = None
    """Measured working memory; None: the card's value times 1.5 is used."""
    host_bytes: int | None = None
    """Memory for what is kept beside the network, on a device that has its own memory; None: both
    share `memory_bytes`."""

    def tile_bytes(self, card: ModelCard, shape: Sequence[int]) -> float:
        """Working memory of a tile that reads `shape`."""
        per_voxel = self.bytes_per_voxel or (card.bytes_per_voxel or UNKNOWN_BYTES) * _OVERHEAD
        return prod(shape) * per_voxel


def plan(
    card: ModelCard,
    grid: Sequence[int],
    budget: Budget,
    tile: Sequence[int] | None = None,
    overlap: int = 0,
) -> Plan:
    """Tiles of a network grid: at most `tile` per axis if that fits the budget, else the tiles of
    least work that fit.

    A network that is not exact runs on one tile. Raises Unavailable where not even the smallest
    tile fits the budget.
    """
    axes = tile_rules(card)
    if not card.exact:
        return Plan(tuple(tuple(plan_axis(n, rule)) for n, rule in zip(grid, axes, strict=True)))
    limits = tile if tile is not None else [None] * len(grid)
    choices = [
        _choices(n, rule, limit, overlap) for n, rule, limit in zip(grid, axes, limits, strict=True)
    ]
    requested = Plan(tuple(options[0] for options in choices))
    if tile is not None and budget.tile_bytes(card, requested.read_shape) <= budget.memory_bytes:
        return requested
    return _cheapest(choices, partial(budget.tile_bytes, card), budget)


def cheapest(
    axes: Sequence[TileRule],
    grid: Sequence[int],
    tile_bytes: TileBytes,
    budget: Budget,
    overlap: int = 0,
) -> Plan:
    """Tiles of least work for given rules; raises Unavailable as `plan` does."""
    choices = [_choices(n, rule, None, overlap) for n, rule in zip(grid, axes, strict=True)]
    return _cheapest(choices, tile_bytes, budget)


def _choices(
    length: int, rule: TileRule, at_most: int | None, overlap: int
) -> list[tuple[Span, ...]]:
    """Ways to cut one axis, largest tile first."""
    cuts: dict[int, tuple[Span, ...]] = {}
    first = tuple(plan_axis(length, rule, at_most, overlap))
    cuts[_read(first)] = first
    count = 2
    while True:
        step = ceil(ceil(length / count) / rule.align) * rule.align
        size = rule.at_least(step + overlap + 2 * rule.margin)
        if size < _read(first):
            spans = tuple(plan_axis(length, rule, size, overlap))
            cuts.setdefault(_read(spans), spans)
        if step == rule.align:
            break
        count = max(count + 1, count * 5 // 4)
    return list(cuts.values())


def _read(spans: Sequence[Span]) -> int:
    return spans[0].read[1] - spans[0].read[0]


def _cheapest(choices: list[list[tuple[Span, ...]]], tile_bytes: TileBytes, budget: Budget) -> Plan:
    fitting = []
    for axes in product(*choices):
        shape = [_read(spans) for spans in axes]
        voxels = prod(shape)
        if tile_bytes(shape) <= budget.memory_bytes:
            fitting.append(_Choice(voxels * prod(len(spans) for spans in axes), voxels, axes))
    if not fitting:
        least = min(tile_bytes([_read(spans) for spans in axes]) for axes in product(*choices))
        raise Unavailable(
            f"The smallest tile needs about {least / 1e6:.0f} MB of memory.",
            expected=f"It must fit the budget of {budget.memory_bytes / 1e6:.0f} MB.",
            hint="Give the worker more memory, or raise TESSERA_MEMORY_BYTES.",
        )
    return Plan(_best(fitting, budget.voxels_per_second).axes)


@dataclass(frozen=True, slots=True)
class _Choice:
    work: int
    """Voxels that all tiles read."""
    voxels: int
    """Voxels that one tile reads."""
    axes: tuple[tuple[Span, ...], ...]

    @property
    def cost(self) -> tuple[int, int]:
        """Least work first, then the largest tile."""
        return self.work, -self.voxels


def _best(fitting: Sequence[_Choice], voxels_per_second: float | None) -> _Choice:
    """The least work; with a known speed, of tiles that take TILE_SECONDS at most."""
    best = min(fitting, key=lambda choice: choice.cost)
    if not voxels_per_second:
        return best
    cheap = [choice for choice in fitting if choice.work <= best.work * SLACK]
    quick = [choice for choice in cheap if choice.voxels <= voxels_per_second * TILE_SECONDS]
    smallest = min(cheap, key=lambda choice: choice.voxels)
    return min(quick, key=lambda choice: choice.cost, default=smallest)
