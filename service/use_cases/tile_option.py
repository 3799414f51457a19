"""The option `tile` of a job: refused when it is ordered, if it is certain that no tile can be cut.

That depends on the network's grid of the scan, which is exactly known only to the worker that has
prepared the scan. Here, its axes are taken as long as they are at least.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import floor

from imaging.errors import BadRequest
from imaging.tiling import plan_axis
from jobs.job import Options
from jobs.stored_scan import StoredScan
from models.any_card import AnyCard
from models.card import ModelCard
from models.tile_rules import tile_rules


def with_checked_tile(options: Options, card: AnyCard, scan: StoredScan) -> Options:
    """The options with a number of their tile for each axis; `scan`: of the first channel.

    Raises BadRequest for another number of axes, and for a tile that the network cannot read, or
    in which nothing is left to write beside the context that each voxel needs.
    """
    if options.tile is None:
        return options
    if len(options.tile) not in (1, card.dimension):
        raise BadRequest(
            f"options.tile has {len(options.tile)} numbers.",
            expected=f"One number for all axes, or {card.dimension}: one per axis.",
            hint="Correct it, or omit it: the planner then chooses the fastest tile.",
        )
    tile = options.tile * card.dimension if len(options.tile) == 1 else options.tile
    _check_minimum(tile, card)
    if isinstance(card, ModelCard) and card.exact and options.mask is None:
        _check_cuts(tile, card, _shortest(card, scan))
    return replace(options, tile=tile)


def _check_minimum(tile: Sequence[int], card: AnyCard) -> None:
    if any(size < minimum for size, minimum in zip(tile, card.minimum, strict=True)):
        minimum = " x ".join(str(n) for n in card.minimum)
        raise BadRequest(
            "options.tile is smaller than the network can read.",
            expected=f"At least {minimum} for {card.name}.",
            hint="Choose a larger tile, or omit it.",
        )


def _check_cuts(tile: Sequence[int], card: ModelCard, shortest: int) -> None:
    """Cuts axes as the worker does; it may cut longer ones, which need no smaller tile."""
    for size, rule in zip(tile, tile_rules(card), strict=True):
        plan_axis(shortest, rule, size)


def _shortest(card: ModelCard, scan: StoredScan) -> int:
    """How many voxels each axis of the network's grid has at least, in whatever order."""
    grid, spacing = scan.shape[1:], scan.spacing_mm
    if card.preparation:  # it may crop
        return 1
    if card.spacing_mm is None or spacing is None:
        return min(grid)
    coarsest = max(card.spacing_mm)
    lengths = [min(n, floor(n * mm / coarsest)) for n, mm in zip(grid, spacing, strict=True)]
    return max(1, min(lengths) - 1)  # rounding takes half a voxel at most
