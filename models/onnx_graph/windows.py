"""What the positions of a tensor read of the image along one axis: interval arithmetic by phase.

Position p reads the input from `first` to `last`. Both move by `align` voxels whenever p moves by
the tensor's period, which is the number of its positions in `align` input voxels:

    input, align 4     0 1 2 3 | 4 5 6 7 | 8 ...
    after a 2x pool     0   1  |  2   3  |         period 2: [0, 1] and [2, 3]

A layer that pads takes zeros where its source has no position. So a position also depends on which
positions of the source exist, and those end earlier in a tile than in the image. `low` and `high`
are the input positions that a tile must contain so that it sees what the whole image shows. They
differ from `first` and `last` only behind a layer that crops.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from models.onnx_graph.size import Size

_FAR = 1 << 40


class Window(NamedTuple):
    """Input positions along one axis."""

    first: int
    """First that is read; greater than `last` where none is."""
    last: int
    """Last that is read."""
    low: int
    """First that a tile must contain."""
    high: int
    """Last that a tile must contain."""


NOTHING = Window(_FAR, -_FAR, _FAR, -_FAR)
"""Of a constant."""
Windows = tuple[Window, ...]
"""One window for each position of a period."""


def of_input(align: int) -> Windows:
    """The input itself: each position reads itself."""
    return tuple(Window(p, p, p, p) for p in range(align))


def at(windows: Windows, position: int, align: int) -> Window:
    """The window of any position, also beyond the first period."""
    periods, phase = divmod(position, len(windows))
    return Window(*(end + periods * align for end in windows[phase]))


def through(
    source: Windows, size: Size, align: int, residue: int, taps: Iterable[Iterable[int]]
) -> Windows:
    """The windows of a layer's positions; `taps`: what each of a period reads of its source.

    `size`: of the source, for images of `residue + n * align` voxels.
    """

    def tapped(position: int) -> Window:
        first, last, low, high = at(source, position, align)
        starts, ends = _exists(position, size, align, residue)
        return Window(first, last, min(low, starts), max(high, ends))

    return tuple(hull([tapped(position) for position in positions]) for positions in taps)


def _exists(position: int, size: Size, align: int, residue: int) -> tuple[int, int]:
    """First and last input position of the smallest tile in which the source has this position.

    Tiles start at multiples of align; their sizes are `residue + n * align`.
    """
    period, base = int(size.slope), int(size.base)
    return (position // period + 1) * align - 1, residue + (position - base) // period * align


def union(sources: Iterable[Windows]) -> Windows:
    """The windows of a layer that reads the same position of all its sources."""
    return tuple(hull(windows) for windows in zip(*sources, strict=True))


def hull(windows: Sequence[Window]) -> Window:
    """The smallest window that contains all of these."""
    firsts, lasts, lows, highs = zip(*windows, NOTHING, strict=True)
    return Window(min(firsts), max(lasts), min(lows), max(highs))


Taps = Callable[[int], Iterable[int]]
"""The positions of its source that a layer's output at a position reads."""
