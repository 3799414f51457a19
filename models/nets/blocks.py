"""The blocks from which a level of the network is built, by name. Torch-free.

A block takes the graph, the position of its source and the widths of its steps. It returns the
position of its output, whose number of maps is the width of the last step. Every convolution is
followed by batch norm (if the network has it) and the activation.
"""

from collections.abc import Callable

from imaging.errors import BadModel
from models.nets.config import Block
from models.nets.graph import Graph

GROUPS = 4
"""Maximum number of groups of a grouped convolution in `shuffle`."""
REDUCTION = 4
"""Squeeze-and-excitation: factor by which the number of maps is reduced between its two layers. The
paper's 16 is meant for 256 maps and more; a U-Net's finest levels have a tenth of that."""

Widths = tuple[int, ...]


def level(graph: Graph, source: int, widths: Widths) -> int:
    """The configured block, followed by squeeze-and-excitation if the configuration has it.

    Raises BadModel if the block does not support these widths.
    """
    values = BLOCKS[graph.config.block](graph, source, widths)
    return squeeze_excite(graph, values) if graph.config.squeeze_excite else values


def plain(graph: Graph, source: int, widths: Widths) -> int:
    """3-wide convolutions, one after the other (Simonyan and Zisserman 2014, arXiv:1409.1556)."""
    for width in widths:
        source = graph.unit(source, width)
    return source


def residual(graph: Graph, source: int, widths: Widths) -> int:
    """`plain` plus its input, before the last activation (He et al. 2015, arXiv:1512.03385).

    The input is projected by a 1x1 convolution if the widths differ.
    """
    values = plain(graph, source, widths[:-1])
    values = graph.norm(graph.convolution(values, widths[-1]))
    return graph.activation(graph.add(graph.fit(source, widths[-1]), values))


def dense(graph: Graph, source: int, widths: Widths) -> int:
    """Each step reads all maps of the steps before it (Huang et al. 2016, arXiv:1608.06993).

    A step adds half of its width in maps; a 1x1 convolution reduces all maps to the last width.
    """
    for width in widths:
        source = graph.join(source, graph.unit(source, max(1, width // 2)))
    return graph.unit(source, widths[-1], 1)


def inception(graph: Graph, source: int, widths: Widths) -> int:
    """Convolutions of width 1, 3 and 5 and a max-pool (Szegedy et al. 2014, arXiv:1409.4842).

    A quarter of a step's maps come from width 1, an eighth each from width 5 and from the pool, the
    rest from width 3.
    """
    _check_width(widths, 4, "inception")
    for width in widths:
        one, eighth = width // 4, max(1, width // 8)
        three = width - one - 2 * eighth
        source = graph.join(
            graph.unit(source, one, 1),
            graph.unit(graph.unit(source, max(1, three // 2), 1), three),
            graph.unit(graph.unit(source, max(1, eighth // 2), 1), eighth, 5),
            graph.unit(graph.maximum(source), eighth, 1),
        )
    return source


def fire(graph: Graph, source: int, widths: Widths) -> int:
    """Squeezes to a quarter, expands 1 and 3 wide (Iandola et al. 2016, arXiv:1602.07360)."""
    _check_width(widths, 2, "fire")
    for width in widths:
        squeezed = graph.unit(source, max(1, width // 4), 1)
        half = graph.unit(squeezed, width // 2, 1)
        source = graph.join(half, graph.unit(squeezed, width - width // 2))
    return source


def separable(graph: Graph, source: int, widths: Widths) -> int:
    """Each map separately, 3 wide, then 1x1 across maps (Howard et al. 2017, arXiv:1704.04861)."""
    for width in widths:
        before = graph.channels(source)
        source = graph.unit(graph.unit(source, before, groups=before), width, 1)
    return source


def shuffle(graph: Graph, source: int, widths: Widths) -> int:
    """1x1 in groups, shuffle, each map separately, 1x1 in groups, plus the input (Zhang et al.
    2017, arXiv:1707.01083).

    Between the 1x1 convolutions there are half as many maps.
    """
    for width in widths:
        if width % 2:
            raise BadModel(
                f"A shuffle block has a width of {width}.",
                expected="An even width, so that there are groups to shuffle.",
                hint="Set even widths, preferably multiples of 8.",
            )
        middle = width // 2
        first, second = (_groups(n, middle) for n in (graph.channels(source), width))
        values = graph.shuffle(graph.unit(source, middle, 1, groups=first), first)
        values = graph.norm(graph.convolution(values, middle, groups=middle))
        values = graph.norm(graph.convolution(values, width, 1, groups=second))
        source = graph.activation(graph.add(graph.fit(source, width), values))
    return source


def dilated(graph: Graph, source: int, widths: Widths) -> int:
    """`plain` with dilations 1, 2, 4, ... (Yu and Koltun 2015, arXiv:1511.07122)."""
    for step, width in enumerate(widths):
        source = graph.unit(source, width, dilation=2**step)
    return source


def squeeze_excite(graph: Graph, source: int) -> int:
    """Multiplies each map by a gate computed from the means of all maps (Hu et al. 2017,
    arXiv:1709.01507).

    The means are taken over the whole tile, so a network with it is not exact.
    """
    width = graph.channels(source)
    means = graph.average(source, 1)
    squeezed = graph.activation(graph.convolution(means, max(1, width // REDUCTION), 1))
    return graph.multiply(source, graph.sigmoid(graph.convolution(squeezed, width, 1)))


def _groups(outer: int, middle: int) -> int:
    """The largest divisor of both, at most `GROUPS`, for which a group's maps reach every group."""
    return max(
        groups
        for groups in range(1, GROUPS + 1)
        if groups**2 <= middle and outer % groups == middle % groups == 0
    )


def _check_width(widths: Widths, least: int, block: str) -> None:
    if min(widths) < least:
        raise BadModel(
            f"A block of kind {block} has a width of {min(widths)}.",
            expected=f"A width of at least {least}, one map for each branch.",
            hint="Set larger widths, or choose another block.",
        )


BLOCKS: dict[Block, Callable[[Graph, int, Widths], int]] = {
    "plain": plain,
    "residual": residual,
    "dense": dense,
    "inception": inception,
    "fire": fire,
    "separable": separable,
    "shuffle": shuffle,
    "dilated": dilated,
}
