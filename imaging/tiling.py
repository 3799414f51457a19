"""Plans, cuts and pastes tiles so that the mask does not depend on them; integers only.

      |<------------- read ------------->|
      |  halo  |   write region   |  halo |      write regions partition the image; reads overlap

Along one axis, with halo 3 and align 4, an image of 21 voxels in three tiles of a `valid` network:

      write   [0........8)[8.......16)[16...21)       starts are multiples of align
      read  -3..........11  5.......19  13.......27   mirrored below 0 and from 21 on

A `same` network pads inside itself. Its tiles therefore keep the image's own edges, and read no
further than the image mirrored up to a multiple of align; only their inner sides are cropped by the
halo.

Why align: a network that pools by 2 four times computes on a grid of 16. A tile that does not start
on that grid pools other neighbours and gives another mask (Ronneberger 2015 steps by 388, which is
not a multiple of 16).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest


@dataclass(frozen=True, slots=True)
class TileRule:
    """What a network requires of a tile along one axis, in voxels of the network's grid."""

    halo: int
    align: int
    minimum: int
    """Smallest legal input size; legal sizes are `minimum + n * align`."""
    valid: bool
    """True: the output is smaller than the input by the halo on each side. False: same size."""

    def at_least(self, length: int) -> int:
        """The smallest legal input size of at least `length`."""
        return self.minimum + max(0, ceil((length - self.minimum) / self.align)) * self.align

    @property
    def margin(self) -> int:
        """Voxels cropped from a tile's inner side: the halo, for `same` rounded up to align."""
        return self.halo if self.valid else ceil(self.halo / self.align) * self.align


@dataclass(frozen=True, slots=True)
class Span:
    """One tile along one axis; all ranges are half-open."""

    read: tuple[int, int]
    """Input of the network; outside [0, length) the image is mirrored."""
    keep: tuple[int, int]
    """Outputs that are used."""
    origin: int
    """Index of the first output."""
    write: tuple[int, int]
    """Voxels that only this tile writes; equal to `keep` unless the mask has another grid."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: one span per axis."""

    spans: tuple[Span, ...]

    @property
    def read(self) -> Box:
        """Input of the network; may reach beyond the grid, where it is mirrored."""
        return Box(*zip(*(s.read for s in self.spans), strict=True))

    @property
    def keep(self) -> Box:
        """Outputs that are used, on the network's grid."""
        return Box(*zip(*(s.keep for s in self.spans), strict=True))

    @property
    def write(self) -> Box:
        """Voxels that only this tile writes, on the mask's grid."""
        return Box(*zip(*(s.write for s in self.spans), strict=True))

    @property
    def crop(self) -> tuple[slice, ...]:
        """Index of `keep` in the network's output."""
        return tuple(slice(s.keep[0] - s.origin, s.keep[1] - s.origin) for s in self.spans)


@dataclass(frozen=True, slots=True)
class Plan:
    """All tiles of an image: spans per axis; iterates over tiles in raster order."""

    axes: tuple[tuple[Span, ...], ...]

    def __len__(self) -> int:
        return prod(len(spans) for spans in self.axes)

    def __iter__(self) -> Iterator[Tile]:
        return (Tile(spans) for spans in product(*self.axes))

    @property
    def read_shape(self) -> tuple[int, ...]:
        """Shape of the network's input, the same for all tiles."""
        return tuple(spans[0].read[1] - spans[0].read[0] for spans in self.axes)


def plan_axis(
    length: int, rule: TileRule, at_most: int | None = None, overlap: int = 0
) -> list[Span]:
    """Spans that partition [0, length), as even as legal sizes allow, reading at most `at_most`.

    `overlap`: number of outputs beyond its own that each tile keeps, for interpolation. Raises
    BadRequest if `at_most` is too small for a write region.
    """
    whole = rule.at_least(length + 2 * rule.halo if rule.valid else length)
    if at_most is None or whole <= at_most:
        return [_span(rule, 0, length, length, whole, overlap)]
    around = overlap + 2 * rule.margin
    legal = rule.minimum + (at_most - rule.minimum) // rule.align * rule.align
    most = (legal - around) // rule.align * rule.align
    if legal < rule.minimum or most < rule.align:
        raise BadRequest(
            f"A tile of {at_most} is too small for this network.",
            expected=f"At least {min(rule.at_least(rule.align + around), whole)} voxels per axis.",
            hint="Request a larger tile, or leave the tile size out and let Tessera choose it.",
        )
    gain = 0 if rule.valid else rule.margin  # `same` is not cropped at the image's own edges
    count = max(2, ceil((length - 2 * gain) / most))
    step = max(1, ceil((length - 2 * gain) / count / rule.align)) * rule.align
    read = rule.at_least(step + around)
    starts = (0, *range(step + gain, length, step))[:count]
    return [
        _span(rule, start, stop, length, read, overlap)
        for start, stop in zip(starts, (*starts[1:], length), strict=True)
    ]


def _span(rule: TileRule, start: int, stop: int, length: int, read: int, overlap: int) -> Span:
    first = start - rule.margin
    if not rule.valid:  # stay inside the image: the network itself pads the edges
        padded = rule.at_least(length)
        first = max(0, min(first, padded - read))
    origin = first + rule.halo if rule.valid else first
    keep = (start, min(stop + overlap, length))
    return Span((first, first + read), keep, origin, (start, stop))


def onto(spans: Sequence[Span], lowest: NDArray[np.integer[Any]], start: int = 0) -> list[Span]:
    """Spans that write on another grid: from its voxel `start` on, each voxel is interpolated from
    the network voxel `lowest` (ascending) and those that follow.

    A voxel belongs to the span that keeps its lowest network voxel; spans without voxels are left
    out. Plan with an `overlap` of the number of voxels that follow.
    """
    edges = np.searchsorted(lowest, [span.write[0] for span in spans] + [spans[-1].write[1]])
    return [
        Span(span.read, span.keep, span.origin, (int(a) + start, int(b) + start))
        for span, a, b in zip(spans, edges[:-1], edges[1:], strict=True)
        if b > a
    ]


def mirror(start: int, stop: int, length: int) -> NDArray[np.intp]:
    """Indices in [0, length) for [start, stop), mirrored at the edges without repeating them.

    Mirrored several times if the range is longer than the image; an axis of length 1 is repeated.
    """
    index = np.arange(start, stop)
    if length == 1:
        return np.zeros_like(index)
    index = np.abs(index) % (2 * (length - 1))
    return np.where(index < length, index, 2 * (length - 1) - index)


def cut(read: Callable[[Box], NDArray[Any]], grid: Sequence[int], tile: Tile) -> NDArray[Any]:
    """The network's input for a tile: (c, *tile.read.shape), mirrored beyond the grid's edges."""
    indices = [mirror(*span.read, n) for span, n in zip(tile.spans, grid, strict=True)]
    inner = Box(tuple(int(i.min()) for i in indices), tuple(int(i.max()) + 1 for i in indices))
    block = read(inner)
    for axis, (index, start) in enumerate(zip(indices, inner.start, strict=True)):
        if len(index) != block.shape[axis + 1] or index[0] != start or index[-1] < index[0]:
            block = np.take(block, index - start, axis=axis + 1)
    return block


def paste(mask: NDArray[Any], tile: Tile, values: NDArray[Any]) -> None:
    """Writes a tile's write region; writing it again changes nothing."""
    mask[tile.write.slices] = values
