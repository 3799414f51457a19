"""What a rule is, and what rules share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from models.onnx_graph.node import Grid, Node
from models.onnx_graph.size import Size, UnknownSize
from models.onnx_graph.tensor import Tensor
from models.onnx_graph.windows import NOTHING, Taps, Windows, through

Inputs = Sequence[Tensor | None]
"""A node's inputs; None for one that is left out."""
Rule = Callable[[Node, Inputs, Grid], Tensor | tuple[Tensor, ...]]
"""Computes a node's outputs. Raises UnknownSize or NotDerivable where it cannot."""
Rules = Mapping[str, Rule]


def first(inputs: Inputs) -> Tensor:
    """The first input, which every such layer has."""
    return required(inputs, 0)


def required(inputs: Inputs, position: int) -> Tensor:
    """An input without which the layer means nothing."""
    tensor = optional(inputs, position)
    if tensor is None:
        raise UnknownSize
    return tensor


def optional(inputs: Inputs, position: int) -> Tensor | None:
    """An input that may be left out."""
    return inputs[position] if position < len(inputs) else None


def layer_output(
    source: Tensor,
    sizes: Sequence[Size | None],
    windows: Mapping[int, Windows],
    whole: str = "",
) -> Tensor:
    """The output of a layer: its shape, what it reads, and whether it uses the whole tile.

    `windows`: for each spatial axis of the output.
    """
    return Tensor(tuple(sizes), windows, feature=source.feature, whole=source.whole or whole)


def reading(source: Tensor, size: Size, out: Size, grid: Grid, taps: Taps) -> dict[int, Windows]:
    """What the output reads along the axis of a dimension that goes from `size` to `out`.

    Empty where the dimension is no axis of the image.
    """
    axis = out.axis
    if axis is None or not grid.windows:
        return {}
    windows = source.reads.get(axis) if size.axis == axis else None
    period = range(int(out.slope))
    if windows is None:
        return {axis: (NOTHING,) * len(period)}
    places = map(taps, period)
    return {axis: through(windows, size, grid.align[axis], grid.residue[axis], places)}


def marked(tensor: Tensor, whole: str) -> Tensor:
    """The same tensor, of a layer that uses the whole tile."""
    return replace(tensor, whole=tensor.whole or whole)


def axis_of(axis: int, rank: int) -> int:
    """A dimension counted from the front."""
    if not -rank <= axis < rank:
        raise UnknownSize
    return axis % rank
