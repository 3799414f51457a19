"""Layers that compute sizes: Shape, Size, Constant, Range."""

from dataclasses import replace
from math import prod

import numpy as np
import onnx

from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators.pointwise import combined
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    first,
    required,
)
from models.onnx_graph.operators.values import product
from models.onnx_graph.size import UnknownSize, number
from models.onnx_graph.tensor import MOST_VALUES, Shape, Tensor, constant, of_values


def _shape(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if source.shape is None:
        raise UnknownSize
    sizes = source.shape[node.get("start", 0) : node.get("end", None)]
    return listed(sizes)


def listed(sizes: Shape) -> Tensor:
    """The sizes of the axes as a layer that computes with them sees them: a vector of integers."""
    values = np.empty(len(sizes), object)
    values[:] = sizes
    return of_values(values, integral=True)


def _size(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    values = np.empty((), object)
    values[()] = product(listed(first(inputs).known_shape).known_values)
    return of_values(values, integral=True)


def _constant(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    for name, value in node.attributes.items():
        if name == "value":
            return constant(onnx.numpy_helper.to_array(value))
        if name in ("value_int", "value_ints"):
            return constant(np.array(value, np.int64))
        if name in ("value_float", "value_floats"):
            return constant(np.array(value, np.float32))
    raise NotDerivable(f"{node.title} is a constant of an unknown kind")


def _filled(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """ConstantOfShape."""
    value = node.get("value", None)
    fill = (
        constant(onnx.numpy_helper.to_array(value)) if value is not None else constant(np.zeros(1))
    )
    sizes = first(inputs).sizes
    few = all(size.fixed for size in sizes) and prod(map(int, sizes)) <= MOST_VALUES
    if few and fill.values is not None:
        values = np.empty(tuple(int(size) for size in sizes), object)
        values[...] = fill.values.reshape(-1)[0]
        return of_values(values, integral=fill.integral)
    return combined(node, [], tuple(sizes), grid)


def _range(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    start, stop, step = (required(inputs, n).known_values.reshape(-1)[0] for n in range(3))
    count = ((stop - start) / step).ceil()
    if count.fixed and int(count) <= MOST_VALUES:
        values = np.empty(int(count), object)
        values[:] = [start + step * number(n) for n in range(int(count))]
        return of_values(values, integral=first(inputs).integral)
    whole = f"{node.title} numbers the positions of the whole tile"
    return replace(combined(node, [], (count,), grid), whole=whole)


RULES: Rules = {
    "Shape": _shape,
    "Size": _size,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Range": _range,
}
