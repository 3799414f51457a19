"""Arithmetic with sizes, as exporters write it to compute a shape or a scale."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_graph.node import Node
from models.onnx_graph.operators.rule import Inputs
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import MOST_VALUES, Tensor, of_values

_INTEGER_TYPES = frozenset((2, 3, 4, 5, 6, 7, 9, 12, 13))
"""TensorProto's codes of integers and truth values."""


def computed(node: Node, inputs: Inputs) -> Tensor | None:
    """The output of an operator whose inputs are all known values; None where it is no such."""
    tensors = [tensor for tensor in inputs if tensor is not None]
    if not tensors or any(tensor.values is None for tensor in tensors):
        return None
    arrays = [tensor.values for tensor in tensors if tensor.values is not None]
    integral = all(tensor.integral for tensor in tensors)
    if node.kind == "Cast":
        integral = node.get("to", 0) in _INTEGER_TYPES
    if node.kind in _COMPARISONS:
        integral = True
    operator = _operator(node, integral=integral)
    if operator is None:
        return None
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    if prod(shape) > MOST_VALUES:
        raise UnknownSize
    spread = [np.broadcast_to(array, shape) for array in arrays]
    output = np.empty(shape, object)
    for index in np.ndindex(*shape):
        values: list[Size | None] = [array[index] for array in spread]  # type: ignore[misc]
        output[index] = _applied(operator, values)
    return of_values(output, integral=integral)


def product(values: NDArray[Any]) -> Size | None:
    """The product of sizes."""
    try:
        return prod(values.flat, start=number(1))
    except (UnknownSize, TypeError):
        return None


def _applied(operator: Callable[..., Size], values: list[Size | None]) -> Size | None:
    if any(value is None for value in values):
        return None
    try:
        return operator(*values)
    except UnknownSize:
        return None


def _operator(node: Node, *, integral: bool) -> Callable[..., Size] | None:
    if node.kind == "Cast":
        return _truncated if integral else _same
    if node.kind == "Div":
        return _divided if integral else Size.__truediv__
    return _OPERATORS.get(node.kind)


def _same(value: Size) -> Size:
    return value


def _truncated(value: Size) -> Size:
    return value.floor() if value.axis is not None or value.base >= 0 else value.ceil()


def _divided(one: Size, other: Size) -> Size:
    return _truncated(one / other)


def _remainder(one: Size, other: Size) -> Size:
    return one - (one / other).floor() * other


def _largest(one: Size, other: Size) -> Size:
    return one if _difference(one, other) >= 0 else other


def _smallest(one: Size, other: Size) -> Size:
    return other if _difference(one, other) >= 0 else one


def _difference(one: Size, other: Size) -> int:
    """The sign of the difference, if it is the same for every image."""
    difference = one - other
    if not difference.fixed:
        raise UnknownSize
    return (difference.base > 0) - (difference.base < 0)


def _truth(value: object) -> Size:
    return number(int(bool(value)))


def _equal(one: Size, other: Size) -> Size:
    """A size that grows with the image differs from any number: both are equal for one image at
    most."""
    return _truth(one == other)


def _chosen(condition: Size, one: Size, other: Size) -> Size:
    return one if int(condition) else other


_COMPARISONS = frozenset(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not"))
_OPERATORS: dict[str, Callable[..., Size]] = {
    "Add": Size.__add__,
    "Sub": Size.__sub__,
    "Mul": Size.__mul__,
    "Mod": _remainder,
    "Max": _largest,
    "Min": _smallest,
    "Neg": Size.__neg__,
    "Floor": Size.floor,
    "Ceil": Size.ceil,
    "Identity": _same,
    "Equal": _equal,
    "Greater": lambda one, other: _truth(_difference(one, other) > 0),
    "GreaterOrEqual": lambda one, other: _truth(_difference(one, other) >= 0),
    "Less": lambda one, other: _truth(_difference(one, other) < 0),
    "LessOrEqual": lambda one, other: _truth(_difference(one, other) <= 0),
    "Not": lambda one: _truth(not int(one)),
    "Where": _chosen,
    "Sqrt": lambda one: _rounded_root(one),
}


def _rounded_root(value: Size) -> Size:
    if not value.fixed:
        raise UnknownSize
    return number(float(value.base) ** 0.5)
