"""The list of layers of the U-Net that a configuration describes. Torch-free."""

from functools import lru_cache

from models.nets.blocks import level
from models.nets.bottlenecks import BOTTLENECKS
from models.nets.config import UNetConfig
from models.nets.graph import Graph
from models.nets.layer import Program


@lru_cache(maxsize=64)
def layers(config: UNetConfig) -> Program:
    """The layers in the order in which they run; computation and cost are both derived from them.

    Raises BadModel if the block does not support the configured widths.
    """
    graph = Graph(config)
    rows = _encoder(graph)
    deepest = len(rows) - 1
    for column in range(1, deepest + 1):
        if config.skip == "nested":
            for depth in range(deepest - column + 1):
                rows[depth].append(_node(graph, rows, depth, f"{depth}.{column}"))
        else:
            depth = deepest - column
            rows[depth].append(_node(graph, rows, depth, str(depth)))
    graph.convolution(rows[0][-1], config.out_channels, 1, name="head")
    return graph.program


def _encoder(graph: Graph) -> list[list[int]]:
    """For each level, finest first, a row with the position of its output."""
    rows: list[list[int]] = []
    values = 0
    for depth, widths in enumerate(graph.config.encoder):
        with graph.scope(f"encoder.{depth}"):
            values = level(graph, graph.pool(values) if depth else values, widths)
        rows.append([values])
    with graph.scope("bottleneck"):
        values = BOTTLENECKS[graph.config.bottleneck](graph, values)
        rows[-1] = [graph.dropout(values)]
    return rows


def _node(graph: Graph, rows: list[list[int]], depth: int, name: str) -> int:
    """A block over the upsampled output of the level below and all outputs of this level so far."""
    config, from_end = graph.config, -1 - depth
    raised = graph.up(rows[depth + 1][-1], config.up[from_end], f"up.{name}")
    with graph.scope(f"decoder.{name}"):
        if config.skip == "add":
            (skip,) = rows[depth]
            merged = graph.add(graph.fit(skip, graph.channels(raised)), raised)
        else:
            merged = graph.join(*rows[depth], raised)
        return level(graph, merged, config.decoder[from_end])
