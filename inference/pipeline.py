"""How a mask is made, read top to bottom."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging import tiling
from imaging.box import Box
from imaging.errors import BadRequest, StorageFull, Unavailable
from imaging.instances import number_instances
from imaging.large_arrays import large_zeros
from imaging.resample import Axis, needed_box, resample_box
from imaging.scan import Scan
from inference.cancellation import CancelToken
from inference.empty_regions import EmptyRegions
from inference.label_values import mask_type, paint
from inference.levels import Levels, Ran, Worth, levels, run
from inference.network_input import NetworkInput, network_input
from inference.networks.network import Level
from inference.networks.session import Runner
from inference.options import RunOptions
from inference.planner import Budget, plan
from inference.prefetch import prefetch
from models.card import ModelCard

OnTile = Callable[[int, int], None]
"""Called with (tiles done, tiles in all), first with (0, all)."""


STRIP_LOGITS = 1 << 20
"""Logits on the scan's grid that exist at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """A mask on the first scan's own grid, and how it came about."""

    mask: NDArray[Any]
    """Label values, or object numbers; spatial shape of the scan, unsigned integers."""
    plan: tiling.Plan
    source: NetworkInput
    seconds: Mapping[str, float]
    shrunk_to: int | None = None
    """Bytes that a tile may take, found out where memory did not suffice for larger ones."""
    depth: int = 0
    """How often the network was cut; see `inference.levels`."""


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do for a mask."""

    tiles: tiling.Plan
    """What is painted, of the highest level."""
    levels: Levels | None
    """None: each tile goes through the whole network."""

    def __len__(self) -> int:
        return self.levels.tiles if self.levels else len(self.tiles)


def segment(
    scans: Mapping[str, Scan],
    card: ModelCard,
    session: Runner,
    budget: Budget,
    options: RunOptions,
    on_tile: OnTile,
    token: CancelToken,
    scratch: Path | None = None,
) -> Result:
    """Segments one subject; `scans` by channel name. Raises JobLost once the token is pulled.

    Where memory does not suffice for a tile, all begins again with smaller ones: the same mask.
    `scratch`: a folder for masks larger than memory, the system's own if None.
    """
    started = perf_counter()
    stopped = {name: stoppable(scan, token) for name, scan in scans.items()}
    subject = network_input(stopped, card, scratch)
    opened, shrunk_to = perf_counter() - started, None
    level, painted = (
        session.level,
        large_zeros(subject.canonical.scan.grid, mask_type(card), scratch),
    )
    work = plan_work(subject, card, level, budget, options)
    while True:
        try:
            network = _paint(painted, subject, work, card, session, on_tile, token, scratch)
            break
        except StorageFull:
            if work.levels is None:
                raise
            level = None  # whole tiles need no scratch
            work = plan_work(subject, card, level, budget, options)
        except MemoryError as error:
            session.release_memory()
            shrunk_to = int(budget.tile_bytes(card, work.tiles.read_shape) / 2)
            budget = replace(budget, memory_bytes=shrunk_to)
            work = _smaller(subject, card, level, budget, options, error)
    token.check()
    if isinstance(painted, np.memmap):  # what memory the rest takes shall not come on top
        session.release_memory()
    mask = subject.canonical.restore(finish(painted, card, scratch))
    seconds = {"open": opened, "network": network, "total": perf_counter() - started}
    depth = work.levels.depth if work.levels else 0
    return Result(mask, work.tiles, subject, seconds, shrunk_to, depth)


def _paint(
    painted: NDArray[Any],
    subject: NetworkInput,
    work: Work,
    card: ModelCard,
    session: Runner,
    on_tile: OnTile,
    token: CancelToken,
    scratch: Path | None,
) -> float:
    """Fills the canonical grid with what the network finds; gives the seconds that it took."""
    taken: list[float] = []

    def ran(seconds: float) -> None:
        taken.append(seconds)
        on_tile(len(taken), len(work))

    emptiness = EmptyRegions(subject, card)

    def worth(tile: tiling.Tile) -> bool:
        spared = emptiness.spares(tile)
        if spared:
            ran(0.0)
        return not spared

    on_tile(0, len(work))
    for tile, found in found_by(subject, work, session, token, scratch, ran, worth):
        for strip in strips(tile.write, len(card.outputs)):
            token.check()
            logits = logits_on_scan(found, tile, subject, session, strip)
            painted[strip.slices] = paint(logits, card)
            emptiness.clear(painted, strip)
    return sum(taken)


def _smaller(
    subject: NetworkInput,
    card: ModelCard,
    level: Level | None,
    budget: Budget,
    options: RunOptions,
    error: MemoryError,
) -> Work:
    """Tiles of the lowered budget; the error again where there are none."""
    if not card.exact:
        raise error
    try:
        return plan_work(subject, card, level, budget, options)
    except Unavailable:
        raise error from None


def stoppable(scan: Scan, token: CancelToken) -> Scan:
    """The scan, whose every read obeys the token: statistics of a large one take seconds."""

    def read(box: Box) -> NDArray[Any]:
        token.check()
        return scan.read(box)

    return replace(scan, reader=read)


def plan_work(
    subject: NetworkInput, card: ModelCard, level: Level | None, budget: Budget, options: RunOptions
) -> Work:
    """Tiles that go through the whole network, or, where that is less work, level by level."""
    try:
        whole = plan_tiles(subject, card, budget, options)
    except Unavailable:
        whole = None
    found = None
    if options.tile is None:
        found = levels(level, card, subject.grid, budget, whole, overlap=int(subject.resampled))
    if found is None:
        return Work(whole or plan_tiles(subject, card, budget, options), None)  # says what it lacks
    up = _on_scan(found.up, subject)
    return Work(up, replace(found, up=up))


def plan_tiles(
    subject: NetworkInput, card: ModelCard, budget: Budget, options: RunOptions
) -> tiling.Plan:
    """Tiles on the network's grid whose write regions partition the scan's grid."""
    tile = options.tile if options.tile is None else _per_axis(options.tile, card.dimension)
    tiles = plan(card, subject.grid, budget, tile, overlap=int(subject.resampled))
    return _on_scan(tiles, subject)


def _on_scan(tiles: tiling.Plan, subject: NetworkInput) -> tiling.Plan:
    """The same tiles, writing on the scan's grid."""
    if not subject.resampled:
        return tiles
    axes = _axes(subject)
    return tiling.Plan(
        tuple(
            tuple(tiling.onto(spans, axis.centres(0, axis.n_out)))
            for spans, axis in zip(tiles.axes, axes, strict=True)
        )
    )


def found_by(
    subject: NetworkInput,
    work: Work,
    session: Runner,
    token: CancelToken,
    scratch: Path | None,
    ran: Ran,
    worth: Worth = lambda _tile: True,
) -> Iterator[tuple[tiling.Tile, NDArray[np.float32]]]:
    """Each tile that is worth it, and what `session.logits` makes its logits of."""
    if work.levels is not None and session.level is not None:
        yield from run(
            work.levels,
            session.level,
            subject.read,
            subject.grid,
            session,
            token,
            scratch,
            ran,
            worth,
        )
        return
    for tile, found, seconds in infer(subject, filter(worth, work.tiles), session, token):
        yield tile, found
        ran(seconds)


def infer(
    subject: NetworkInput, tiles: Iterable[tiling.Tile], session: Runner, token: CancelToken
) -> Iterator[tuple[tiling.Tile, NDArray[np.float32], float]]:
    """Each tile, what `session.logits` makes the logits of, (any, *tile.keep.shape), and the
    seconds taken.

    While one tile runs the next is cut.
    """
    cut = partial(tiling.cut, subject.read, subject.grid)
    for tile, image in prefetch(cut, tiles):
        began = perf_counter()
        found = session.run(image[None], token)[0]
        yield tile, found[(slice(None), *tile.crop)], perf_counter() - began


def strips(write: Box, outputs: int) -> Iterator[Box]:
    """`write` cut along its first axis, so that a strip's logits are few, however many classes."""
    rows = max(1, STRIP_LOGITS * write.shape[0] // max(1, write.size * outputs))
    for start in range(write.start[0], write.stop[0], rows):
        stop = min(start + rows, write.stop[0])
        yield Box((start, *write.start[1:]), (stop, *write.stop[1:]))


def logits_on_scan(
    found: NDArray[np.float32], tile: tiling.Tile, subject: NetworkInput, session: Runner, box: Box
) -> NDArray[np.float32]:
    """(outputs, *box.shape) of a box of the scan inside `tile.write`.

    Interpolated where the network's grid is another; the same to the bit whatever the box.
    """
    axes = _axes(subject)
    needed = needed_box(axes, box) if subject.resampled else box
    logits: NDArray[np.float32] = session.logits(_part(found, tile.keep, needed)[None])[0]
    return resample_box(logits, needed, axes, box) if subject.resampled else logits


def finish(painted: NDArray[Any], card: ModelCard, scratch: Path | None = None) -> NDArray[Any]:
    """What needs the whole mask: numbers objects, or applies the card's post-processing steps."""
    if card.instances is not None:
        rule = card.instances
        return number_instances(painted, rule.seed, rule.rim, rule.min_voxels, scratch)
    for step in card.postprocessing:
        step.apply(painted)
    return painted


def _part(found: NDArray[np.float32], where: Box, box: Box) -> NDArray[np.float32]:
    """What was found in `box`, out of that in `where`."""
    inside = (
        slice(a - first, b - first)
        for a, b, first in zip(box.start, box.stop, where.start, strict=True)
    )
    return found[(slice(None), *inside)]


def _per_axis(tile: tuple[int, ...], dimension: int) -> tuple[int, ...]:
    """One number stands for every axis."""
    if len(tile) == 1:
        return tile * dimension
    if len(tile) != dimension:
        raise BadRequest(
            f"The tile has {len(tile)} numbers.",
            expected=f"One number, or {dimension}, one per axis.",
            hint="Give --tile N or a number for each axis.",
        )
    return tile


def _axes(subject: NetworkInput) -> tuple[Axis, ...]:
    """From the network's grid to the scan's."""
    return tuple(
        Axis(n_in, n_out)
        for n_in, n_out in zip(subject.grid, subject.canonical.scan.grid, strict=True)
    )
