"""A network run level by level, where whole tiles would read far more than they write.

The deepest layers of a U-Net make its halo: 51 voxels to each side of a tile in three levels, of
which a tile that fits into little memory has not much left. Cut at its poolings, each part needs
only the halo of its own few layers. What goes from level to level lies in arrays that may be larger
than memory: for 16, 32, 64 channels some 24 bytes a voxel, of which most is read once.

    image --- down ---> entry (1/2) --- below ---> (1/2) --- up, with the image again ---> logits
                                |                    ^
                                down, below, up at half the resolution, and so on

Every voxel comes out as in one pass: the same layers see the same values.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from imaging.errors import Unavailable
from imaging.large_arrays import large_zeros
from imaging.tiling import Plan, Span, Tile, TileRule, plan_axis
from inference.cancellation import CancelToken
from inference.networks.network import Level
from inference.networks.session import Runner
from inference.planner import Budget, cheapest, rules
from inference.prefetch import prefetch
from models.card import ModelCard

WASTE = 1.5
"""How much more whole tiles may read than there is, before levels are thought of."""
_AGAIN = 1.3
"""Work of levels over that of one pass, beside their halos: `down` is run twice."""
_WIDER = 3.0
"""Working memory of a voxel over that of one in the level above, at most: U-Nets double their
channels, and what goes from level to level comes on top."""

Read = Callable[[Box], NDArray[Any]]
Ran = Callable[[float], None]
"""Called after each tile of any level with the seconds that the network took."""
Worth = Callable[[Tile], bool]
"""Whether a tile of the highest level has to be run."""


@dataclass(frozen=True, slots=True)
class Levels:
    """Tiles of one level, and what is done below."""

    down: Plan
    up: Plan
    below: "Levels | Plan"
    """Tiles that go through all that lies below, or more levels."""

    @property
    def tiles(self) -> int:
        """Of all levels."""
        below = self.below.tiles if isinstance(self.below, Levels) else len(self.below)
        return len(self.down) + len(self.up) + below

    @property
    def depth(self) -> int:
        """How often the resolution is halved."""
        return 1 + (self.below.depth if isinstance(self.below, Levels) else 0)


def levels(
    level: Level | None,
    card: ModelCard,
    grid: Sequence[int],
    budget: Budget,
    whole: Plan | None,
    overlap: int = 0,
) -> Levels | None:
    """What to do instead of the `whole` tiles (None: there are none that fit); None where that is
    no less work, or cannot be."""
    if level is None or not card.exact or card.padding != "same":
        return None
    read = prod(whole.read_shape) * len(whole) / prod(grid) if whole else np.inf
    if read <= WASTE:
        return None
    padded = tuple(rule.at_least(n) for n, rule in zip(grid, rules(card), strict=True))
    try:
        found = cut_up(level, padded, partial(budget.tile_bytes, card), budget, overlap)
    except Unavailable:
        return None
    if found is None or prod(found.up.read_shape) * len(found.up) / prod(grid) * _AGAIN >= read:
        return None
    return replace(found, up=_within(found.up, grid))


def cut_up(
    level: Level, grid: Sequence[int], tile_bytes: Callable[[Sequence[int]], float],
    budget: Budget, overlap: int = 0,
) -> Levels | None:  # fmt: skip
    """Tiles for a grid of legal size; None where the network cannot be cut so often that what is
    left fits. Raises Unavailable where not even the smallest tile fits."""
    if level.below is None or any(n % 2 for n in grid):
        return None
    down, up = (
        cheapest([TileRule(reach, 2, 2, False)] * len(grid), grid, tile_bytes, budget, more)
        for reach, more in ((level.halo_down, 0), (level.halo_up, overlap))
    )
    half = [n // 2 for n in grid]

    def wider(shape: Sequence[int]) -> float:
        return _WIDER * tile_bytes(shape)

    below: Levels | Plan | None
    if wider(half) <= budget.memory_bytes:
        below = Plan(tuple(tuple(plan_axis(n, TileRule(0, 1, 1, False))) for n in half))
    elif level.below.halo is not None:  # nothing lies below that
        rule = TileRule(level.below.halo, 1, 1, False)
        below = cheapest([rule] * len(half), half, wider, budget)
    else:
        below = cut_up(level.below, half, wider, budget)
    return None if below is None else Levels(down, up, below)


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


def run(
    work: Levels, level: Level, read: Read, grid: Sequence[int], session: Runner,
    token: CancelToken, scratch: Path | None, ran: Ran, worth: Worth = lambda _tile: True,
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:  # fmt: skip
    """Each tile of the highest level that is worth it, and what the network found in what it keeps.

    `grid`: what `read` can give; the network's own is mirrored up to what it must be.
    """
    if level.below is None:
        raise Unavailable("This network cannot be run level by level.")
    found = _below(work, level, level.below, read, grid, session, token, scratch, ran)
    for tile, image in prefetch(partial(tiling.cut, read, grid), filter(worth, work.up)):
        began = perf_counter()
        feed = found[(slice(None), *_halved(tile.read).slices)]
        step = partial(level.up, image[None], feed[None])
        made = session.run_part(step, image[None].shape, token)[0]
        seconds = perf_counter() - began
        yield tile, made[(slice(None), *tile.crop)]
        ran(seconds)


def _below(
    work: Levels, level: Level, below: Level, read: Read, grid: Sequence[int], session: Runner,
    token: CancelToken, scratch: Path | None, ran: Ran,
) -> NDArray[np.float32]:  # fmt: skip
    """What the level below gives, (channels, *half of the grid)."""
    entry = _entry(work.down, level, read, grid, session, token, scratch, ran)
    level.release_memory()  # each part would keep its own working memory

    def from_entry(box: Box) -> NDArray[np.float32]:
        return entry[(slice(None), *box.slices)]

    half = entry.shape[1:]
    if isinstance(work.below, Levels):
        parts = run(work.below, below, from_entry, half, session, token, scratch, ran)
    else:
        parts = _whole(work.below, below, from_entry, half, session, token, ran)
    out = large_zeros((below.out_channels, *half), np.float32, scratch)
    for tile, part in parts:
        out[(slice(None), *tile.keep.slices)] = part
    below.release_memory()
    return out


def _whole(
    tiles: Plan, level: Level, read: Read, grid: Sequence[int], session: Runner, token: CancelToken,
    ran: Ran,
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:  # fmt: skip
    """Each tile, and what the whole of a level finds in what it keeps."""
    for tile, image in prefetch(partial(tiling.cut, read, grid), tiles):
        began = perf_counter()
        found = session.run_part(partial(level.run, image[None]), image[None].shape, token)[0]
        seconds = perf_counter() - began
        yield tile, found[(slice(None), *tile.crop)]
        ran(seconds)


def _entry(
    down: Plan, level: Level, read: Read, grid: Sequence[int], session: Runner, token: CancelToken,
    scratch: Path | None, ran: Ran,
) -> NDArray[np.float32]:  # fmt: skip
    """What goes into the level below, (channels, *half of the grid)."""
    half = tuple(spans[-1].keep[1] // 2 for spans in down.axes)
    entry = large_zeros((level.entry_channels, *half), np.float32, scratch)
    for tile, image in prefetch(partial(tiling.cut, read, grid), down):
        began = perf_counter()
        pooled = session.run_part(partial(level.down, image[None]), image[None].shape, token)[0]
        kept = (slice(step.start // 2, step.stop // 2) for step in tile.crop)
        entry[(slice(None), *_halved(tile.keep).slices)] = pooled[(slice(None), *kept)]
        ran(perf_counter() - began)
    return entry


def _halved(box: Box) -> Box:
    return Box(tuple(n // 2 for n in box.start), tuple(n // 2 for n in box.stop))
