"""Memory budget and card -> the legal tile of least work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from math import ceil, prod

from imaging.errors import Unavailable
from imaging.tiling import Plan, Span, TileRule, plan_axis
from models.card import ModelCard

TILE_SECONDS = 2.0
"""A tile takes at most about this where that costs less than SLACK more work: progress moves."""
SLACK = 1.10
_UNSEEN = 1.5
"""What runtimes were seen to take over the arithmetic: up to 1.5 times as much."""
TileBytes = Callable[[Sequence[int]], float]
"""Shape that a tile reads -> its working memory."""
UNKNOWN_BYTES = 2048.0
"""Working memory per input voxel where a card does not say: that of a U-Net of 64 channels."""


def rules(card: ModelCard) -> tuple[TileRule, ...]:
    """What the card's network asks of a tile, per axis."""
    return tuple(
        TileRule(halo, align, minimum, card.padding == "valid")
        for halo, align, minimum in zip(card.halo, card.align, card.minimum, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Budget:
    """What a tile may cost."""

    memory_bytes: int
    voxels_per_second: float | None = None
    """Measured; None: not yet, and tiles are bounded by memory alone."""
    bytes_per_voxel: float | None = None
    """Measured; None: not, and the card's arithmetic is taken, and half as much again."""

    def tile_bytes(self, card: ModelCard, shape: Sequence[int]) -> float:
        """Working memory of a tile that reads `shape`."""
        known = self.bytes_per_voxel or (card.bytes_per_voxel or UNKNOWN_BYTES) * _UNSEEN
        return prod(shape) * known


def plan(
    card: ModelCard,
    grid: Sequence[int],
    budget: Budget,
    tile: Sequence[int] | None = None,
    overlap: int = 0,
) -> Plan:
    """Tiles of a network grid: the caller's wish where it fits, or the least work that does.

    A network that is not exact is never cut: one tile. Raises Unavailable where not even the
    smallest tile fits the budget.
    """
    axes = rules(card)
    if not card.exact:
        return Plan(tuple(tuple(plan_axis(n, rule)) for n, rule in zip(grid, axes, strict=True)))
    wishes = tile if tile is not None else [None] * len(grid)
    choices = [
        _choices(n, rule, wish, overlap) for n, rule, wish in zip(grid, axes, wishes, strict=True)
    ]
    wished = Plan(tuple(options[0] for options in choices))
    if tile is not None and budget.tile_bytes(card, wished.read_shape) <= budget.memory_bytes:
        return wished
    return _cheapest(choices, partial(budget.tile_bytes, card), budget)


def cheapest(
    axes: Sequence[TileRule],
    grid: Sequence[int],
    tile_bytes: TileBytes,
    budget: Budget,
    overlap: int = 0,
) -> Plan:
    """Tiles of least work for any rules; raises Unavailable as `plan` does."""
    choices = [_choices(n, rule, None, overlap) for n, rule in zip(grid, axes, strict=True)]
    return _cheapest(choices, tile_bytes, budget)


def _choices(
    length: int, rule: TileRule, at_most: int | None, overlap: int
) -> list[tuple[Span, ...]]:
    """Ways to cut one axis, largest tile first."""
    found: dict[int, tuple[Span, ...]] = {}
    first = tuple(plan_axis(length, rule, at_most, overlap))
    found[_read(first)] = first
    count = 2
    while True:
        step = ceil(ceil(length / count) / rule.align) * rule.align
        size = rule.at_least(step + overlap + 2 * rule.margin)
        if size < _read(first):
            spans = tuple(plan_axis(length, rule, size, overlap))
            found.setdefault(_read(spans), spans)
        if step == rule.align:
            break
        count = max(count + 1, count * 5 // 4)
    return list(found.values())


def _read(spans: Sequence[Span]) -> int:
    return spans[0].read[1] - spans[0].read[0]


def _cheapest(choices: list[list[tuple[Span, ...]]], tile_bytes: TileBytes, budget: Budget) -> Plan:
    fitting = []
    for axes in product(*choices):
        shape = [_read(spans) for spans in axes]
        voxels = prod(shape)
        if tile_bytes(shape) <= budget.memory_bytes:
            fitting.append((voxels * prod(len(spans) for spans in axes), -voxels, axes))
    if not fitting:
        least = min(tile_bytes([_read(spans) for spans in axes]) for axes in product(*choices))
        raise Unavailable(
            f"The smallest tile needs about {least / 1e6:.0f} MB of memory.",
            expected=f"It must fit the budget of {budget.memory_bytes / 1e6:.0f} MB.",
            hint="Give the worker more memory, or raise TESSERA_MEMORY_BYTES.",
        )
    best = min(fitting, key=lambda choice: choice[:2])
    if budget.voxels_per_second:
        cheap = [choice for choice in fitting if choice[0] <= best[0] * SLACK]
        most = budget.voxels_per_second * TILE_SECONDS
        quick = [choice for choice in cheap if -choice[1] <= most]
        smallest = max(cheap, key=lambda choice: choice[1])  # none is quick: the least slow
        best = min(quick, key=lambda choice: choice[:2], default=smallest)
    return Plan(best[2])
