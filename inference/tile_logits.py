"""Features of tiles on the network's grid, and their labels on the scan's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.tiling import Tile
from inference.levels import run_levels
from inference.network_input import NetworkInput
from inference.network_run import NetworkRun, Wanted, every_tile
from inference.networks.session import Runner
from inference.results import ResultGrid
from inference.work_plan import WorkPlan

STRIP_LOGITS = 1 << 20
"""Logits on the scan's grid that exist at once."""


def tile_features(
    subject: NetworkInput, work: WorkPlan, run: NetworkRun, wanted: Wanted = every_tile
) -> Iterator[tuple[Tile, NDArray[np.float32]]]:
    """Each wanted tile and its features, (any, *tile.keep.shape)."""
    if work.levels is not None and run.session.level is not None:
        return run_levels(work.levels, run.session.level, subject, run, wanted)
    tiles = filter(wanted, work.tiles)
    return run.over(subject, tiles, lambda _tile, image: run.whole(image))


def strips(write: Box, outputs: int) -> Iterator[Box]:
    """`write` cut along its first axis into strips of at most STRIP_LOGITS logits, if possible."""
    rows = max(1, STRIP_LOGITS * write.shape[0] // max(1, write.size * outputs))
    for start in range(write.start[0], write.stop[0], rows):
        stop = min(start + rows, write.stop[0])
        yield Box((start, *write.start[1:]), (stop, *write.stop[1:]))


def values_on_scan(
    features: NDArray[np.float32], tile: Tile, results: ResultGrid, session: Runner, box: Box
) -> NDArray[Any]:
    """(any, *box.shape) of a box of the scan inside `tile.write`, for `ResultGrid.labels`; the same
    to the bit whatever the box."""
    needed = results.needed(box)
    part = _part(features, tile.keep, needed)
    values = results.values(session.logits(part[None])[0])
    return results.onto(values, needed, box)


def _part(features: NDArray[np.float32], whole: Box, box: Box) -> NDArray[np.float32]:
    """The features in `box`, given those in `whole`."""
    inside = (
        slice(a - first, b - first)
        for a, b, first in zip(box.start, box.stop, whole.start, strict=True)
    )
    return features[(slice(None), *inside)]
