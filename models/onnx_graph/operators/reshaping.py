"""Layers that only regroup axes: Squeeze, Unsqueeze, Reshape, Flatten."""

from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

from numpy.typing import NDArray

from models.onnx_graph.node import Grid, Node
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    axis_of,
    first,
    optional,
    required,
)
from models.onnx_graph.operators.shapes import listed
from models.onnx_graph.operators.values import product
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import Shape, Tensor
from models.onnx_graph.windows import Windows


def _axes(node: Node, inputs: Inputs) -> tuple[int, ...] | None:
    stated = optional(inputs, 1)
    if stated is not None:
        return stated.integers
    axes = node.get("axes", None)
    return None if axes is None else tuple(axes)


def _squeeze(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, axes = first(inputs), _axes(node, inputs)
    if source.shape is None:
        raise UnknownSize
    if axes is None:
        places = [i for i, size in enumerate(source.shape) if size == number(1)]
    else:
        places = [axis_of(axis, source.rank) for axis in axes]
    shape = tuple(size for i, size in enumerate(source.shape) if i not in places)
    return _rearranged(source, shape)


def _unsqueeze(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, axes = first(inputs), _axes(node, inputs) or ()
    if source.shape is None:
        raise UnknownSize
    rank = source.rank + len(axes)
    places = {axis_of(axis, rank) for axis in axes}
    rest = iter(source.shape)
    shape = tuple(number(1) if i in places else next(rest) for i in range(rank))
    return _rearranged(source, shape)


def _rearranged(source: Tensor, shape: Shape) -> Tensor:
    """The same elements in the same order, in another shape."""
    values = source.values
    if values is not None:
        values = values.reshape(tuple(int(size) for size in shape if size is not None))
    return replace(source, shape=shape, values=values)


def _reshape(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, wanted = first(inputs), required(inputs, 1).values
    if wanted is None:
        raise UnknownSize
    if source.values is not None:
        return _rearranged(source, tuple(number(n) for n in _reshaped(source.values, wanted)))
    old = source.shape or ()
    shape: list[Size | None] = list(wanted.reshape(-1))
    if not node.get("allowzero", 0):
        shape = [old[i] if n == number(0) and i < len(old) else n for i, n in enumerate(shape)]
    if number(-1) in shape:
        place = shape.index(number(-1))
        shape[place] = _inferred(old, [*shape[:place], *shape[place + 1 :]])
    return _regrouped(node, source, tuple(shape))


def _reshaped(values: NDArray[Any], wanted: NDArray[Any]) -> tuple[int, ...]:
    return values.reshape([int(n) for n in wanted.reshape(-1)]).shape


def _inferred(old: Shape, others: list[Size | None]) -> Size | None:
    """What -1 stands for: the elements that the other sizes leave; None if that is no Size."""
    if None in old or None in others or not old:
        return None
    left = [size for size in old if size is not None]
    ratio = Fraction(1)
    for size in others:
        if size is not None and size.fixed:
            ratio *= size.base
        elif size in left:
            left.remove(size)
        else:
            return None
    try:
        total = prod(left, start=number(1))
        return total / Size(ratio)
    except UnknownSize:
        return None


def _regrouped(node: Node, source: Tensor, shape: Shape) -> Tensor:
    """A reshape; local if it groups channels only, and the image's axes stay where they were."""
    if source.feature and _groups(source.shape) != _groups(shape):
        reads: dict[int, Windows] = {}
        mixed = any(size is None for size in shape)
        whole = source.whole or ("" if mixed else f"{node.title} rearranges the axes of the image")
        return Tensor(shape, reads, feature=True, whole=whole)
    return replace(source, shape=shape, values=None)


def _groups(shape: Shape | None) -> tuple[Size | Fraction, ...] | None:
    """The image's axes in order, and between them the product of the other dimensions."""
    if shape is None:
        return None
    groups: list[Size | Fraction] = [Fraction(1)]
    for size in shape:
        if size is None:
            return None
        last = groups[-1]
        if size.fixed and isinstance(last, Fraction):
            groups[-1] = last * size.base
        else:
            groups += [size, Fraction(1)]
    return tuple(groups)


def _flatten(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    axis = axis_of(node.get("axis", 1), source.rank + 1)
    parts = (source.known_shape[:axis], source.known_shape[axis:])
    shape = tuple(product(listed(part).known_values) for part in parts)
    return _regrouped(node, source, shape)


RULES: Rules = {
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
}
