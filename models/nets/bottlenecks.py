"""Modules below the deepest level, by name. Torch-free; called like blocks."""

from collections.abc import Callable

from models.nets.config import Bottleneck
from models.nets.graph import Graph

RATES = (1, 2, 4)
"""Dilations of `aspp`. DeepLab's 6 to 24 are for a stride of 8; a U-Net's bottom has 16 and more,
and every voxel of reach enlarges the halo."""
BINS = (1, 2, 3, 6)
"""Number of parts of the tile along each axis over which `pyramid` averages."""


def none(_graph: Graph, source: int) -> int:
    """No module: the level unchanged."""
    return source


def aspp(graph: Graph, source: int) -> int:
    """3-wide convolutions of several dilations in parallel (Chen et al. 2016, arXiv:1606.00915).

    A 1x1 convolution over all branches equals the paper's sum of one per branch. Local.
    """
    width = graph.channels(source)
    branches = [graph.unit(source, width, dilation=rate) for rate in RATES]
    return graph.unit(graph.join(*branches), width, 1)


def pyramid(graph: Graph, source: int) -> int:
    """Adds means over parts of the whole tile to the maps (Zhao et al. 2016, arXiv:1612.01105).

    Each of the four grids of means has a quarter as many maps. No batch norm: the single mean of a
    tile has no variance. Not exact.
    """
    width = max(1, graph.channels(source) // len(BINS))
    branches = []
    for bins in BINS:
        means = graph.activation(graph.convolution(graph.average(source, bins), width, 1))
        branches.append(graph.spread(means, source))
    return graph.join(source, *branches)


BOTTLENECKS: dict[Bottleneck, Callable[[Graph, int], int]] = {
    "none": none,
    "aspp": aspp,
    "pyramid": pyramid,
}
