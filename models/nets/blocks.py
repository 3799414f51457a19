"""What a level of the network is built from, by name. Torch-free.

A block takes the graph, the position of its source and the widths of its steps, and gives the
position of its output, which has as many maps as the last step is wide. Every convolution is
followed by batch norm, where the network has it, and the activation.
"""

from collections.abc import Callable

from imaging.errors import BadModel
from models.nets.config import Block
from models.nets.graph import Graph

GROUPS = 4
"""At most so many groups has a grouped convolution of `shuffle`."""
REDUCTION = 4
"""Squeeze-and-excitation: so many times fewer maps between its two layers. The paper's 16 is for
256 maps and more; a U-Net's finest levels have a tenth of that."""

Widths = tuple[int, ...]


def level(graph: Graph, source: int, widths: Widths) -> int:
    """The configured block, and squeeze-and-excitation on top of it where that is asked for.

    Raises BadModel where the block cannot be that narrow.
    """
    values = BLOCKS[graph.config.block](graph, source, widths)
    return squeeze_excite(graph, values) if graph.config.squeeze_excite else values


def plain(graph: Graph, source: int, widths: Widths) -> int:
    """3-wide convolutions, one after the other (Simonyan and Zisserman 2014, arXiv:1409.1556)."""
    for width in widths:
        source = graph.unit(source, width)
    return source


def residual(graph: Graph, source: int, widths: Widths) -> int:
    """As `plain`, plus what came in, before the last activation (He et al. 2015, arXiv:1512.03385).

    What came in is projected by a 1x1 convolution where the widths differ.
    """
    values = plain(graph, source, widths[:-1])
    values = graph.norm(graph.convolution(values, widths[-1]))
    return graph.activation(graph.add(graph.fit(source, widths[-1]), values))


def dense(graph: Graph, source: int, widths: Widths) -> int:
    """Each step reads all maps before it (Huang et al. 2016, arXiv:1608.06993).

    A step adds half as many maps as it is wide; a 1x1 convolution brings them to the last width.
    """
    for width in widths:
        source = graph.join(source, graph.unit(source, max(1, width // 2)))
    return graph.unit(source, widths[-1], 1)


def inception(graph: Graph, source: int, widths: Widths) -> int:
    """1, 3 and 5 wide and a max-pool, side by side (Szegedy et al. 2014, arXiv:1409.4842).

    Of a step's maps a quarter is 1 wide, an eighth each 5 wide and pooled, the rest 3 wide.
    """
    _at_least(widths, 4, "inception")
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
    """Squeezed to a quarter, expanded 1 and 3 wide (Iandola et al. 2016, arXiv:1602.07360)."""
    _at_least(widths, 2, "fire")
    for width in widths:
        squeezed = graph.unit(source, max(1, width // 4), 1)
        half = graph.unit(squeezed, width // 2, 1)
        source = graph.join(half, graph.unit(squeezed, width - width // 2))
    return source


def separable(graph: Graph, source: int, widths: Widths) -> int:
    """Each map by itself, 3 wide, then 1x1 across them (Howard et al. 2017, arXiv:1704.04861)."""
    for width in widths:
        before = graph.channels(source)
        source = graph.unit(graph.unit(source, before, groups=before), width, 1)
    return source


def shuffle(graph: Graph, source: int, widths: Widths) -> int:
    """1x1 in groups, shuffled, each map by itself, 1x1 in groups (Zhang et al. 2017,
    arXiv:1707.01083), plus what came in.

    In between there are half as many maps.
    """
    for width in widths:
        if width % 2:
            raise BadModel(
                f"A shuffle block is {width} maps wide.",
                expected="An even number, so that there are groups to shuffle.",
                hint="Give even widths, best multiples of 8.",
            )
        middle = width // 2
        first, second = (_groups(n, middle) for n in (graph.channels(source), width))
        values = graph.shuffle(graph.unit(source, middle, 1, groups=first), first)
        values = graph.norm(graph.convolution(values, middle, groups=middle))
        values = graph.norm(graph.convolution(values, width, 1, groups=second))
        source = graph.activation(graph.add(graph.fit(source, width), values))
    return source


def dilated(graph: Graph, source: int, widths: Widths) -> int:
    """As `plain`, with steps 1, 2, 4, ... voxels apart (Yu and Koltun 2015, arXiv:1511.07122)."""
    for step, width in enumerate(widths):
        source = graph.unit(source, width, dilation=2**step)
    return source


def squeeze_excite(graph: Graph, source: int) -> int:
    """Every map times a gate that the means of all maps decide (Hu et al. 2017, arXiv:1709.01507).

    The means are of the whole tile, so a network with it is not exact.
    """
    width = graph.channels(source)
    means = graph.average(source, 1)
    squeezed = graph.activation(graph.convolution(means, max(1, width // REDUCTION), 1))
    return graph.multiply(source, graph.sigmoid(graph.convolution(squeezed, width, 1)))


def _groups(outer: int, middle: int) -> int:
    """Divides both, at most `GROUPS`; so few that a group's maps, dealt out, reach every group."""
    return max(
        groups
        for groups in range(1, GROUPS + 1)
        if groups**2 <= middle and outer % groups == middle % groups == 0
    )


def _at_least(widths: Widths, least: int, block: str) -> None:
    if min(widths) < least:
        raise BadModel(
            f"A block of kind {block} is {min(widths)} maps wide.",
            expected=f"At least {least}, one for each of its branches.",
            hint="Give wider levels, or another block.",
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
