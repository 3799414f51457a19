"""What stands below the deepest level, by name. Torch-free; called as blocks are."""

from collections.abc import Callable

from models.nets.config import Bottleneck
from models.nets.graph import Graph

RATES = (1, 2, 4)
"""Dilations of `aspp`. DeepLab's 6 to 24 are for 8x strides; a U-Net's bottom has 16x and more, and
every voxel of reach costs a halo."""
BINS = (1, 2, 3, 6)
"""Parts of the whole tile, along each axis, that `pyramid` averages over."""


def none(_graph: Graph, source: int) -> int:
    """The level as it is."""
    return source


def aspp(graph: Graph, source: int) -> int:
    """3-wide convolutions of several dilations side by side (Chen et al. 2016, arXiv:1606.00915).

    A 1x1 convolution over all of them is the paper's sum of their own 1x1 convolutions. Local.
    """
    width = graph.channels(source)
    branches = [graph.unit(source, width, dilation=rate) for rate in RATES]
    return graph.unit(graph.join(*branches), width, 1)


def pyramid(graph: Graph, source: int) -> int:
    """Means over parts of the whole tile, beside the values (Zhao et al. 2016, arXiv:1612.01105).

    Each has a quarter as many maps. No batch norm: over a whole tile's single mean there is no
    variance to learn from. Not exact.
    """
    width = max(1, graph.channels(source) // len(BINS))
    seen = []
    for bins in BINS:
        means = graph.activation(graph.convolution(graph.average(source, bins), width, 1))
        seen.append(graph.spread(means, source))
    return graph.join(source, *seen)


BOTTLENECKS: dict[Bottleneck, Callable[[Graph, int], int]] = {
    "none": none,
    "aspp": aspp,
    "pyramid": pyramid,
}
