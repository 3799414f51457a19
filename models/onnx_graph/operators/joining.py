"""Layers that join, part and reorder: Concat, Split, Gather, Transpose."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators.pointwise import combined
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    axis_of,
    first,
    optional,
    required,
)
from models.onnx_graph.size import UnknownSize, number
from models.onnx_graph.tensor import Tensor, of_values


def _concat(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    tensors = [tensor for tensor in inputs if tensor is not None]
    axis = axis_of(node.get("axis", 1), tensors[0].rank)
    if all(tensor.values is not None for tensor in tensors):
        values = np.concatenate(
            [tensor.values for tensor in tensors if tensor.values is not None], axis
        )
        return of_values(values, integral=all(tensor.integral for tensor in tensors))
    shapes = [tensor.known_shape for tensor in tensors]
    for shape in shapes[1:]:
        for place, (one, other) in enumerate(zip(shapes[0], shape, strict=True)):
            if place != axis:
                grid.require_equal(one, other, node)
    total = shapes[0][axis]
    for shape in shapes[1:]:
        total = total + shape[axis]
    joined = (*shapes[0][:axis], total, *shapes[0][axis + 1 :])
    if total.axis is not None:
        raise NotDerivable(f"{node.title} joins maps along an axis of the image")
    return combined(node, tensors, joined, grid)


def _split(node: Node, inputs: Inputs, grid: Grid) -> tuple[Tensor, ...]:
    source = first(inputs)
    axis = axis_of(node.get("axis", 0), source.rank)
    size = source.known_shape[axis]
    if not size.fixed:
        raise NotDerivable(f"{node.title} divides an axis of the image")
    stated, count = optional(inputs, 1), len(node.proto.output)
    lengths = stated.integers if stated is not None else tuple(node.get("split", ()))
    if not lengths:
        step = -(-int(size) // count)
        lengths = tuple(min(step, int(size) - step * n) for n in range(count))
    parts = []
    starts = np.cumsum([0, *lengths])
    for start, length in zip(starts, lengths, strict=False):
        shape = (*source.known_shape[:axis], number(length), *source.known_shape[axis + 1 :])
        values = source.values
        if values is not None:
            values = np.take(values, range(start, start + length), axis)
        parts.append(replace(source, shape=shape, values=values))
    return tuple(parts)


def _gather(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, indices = first(inputs), required(inputs, 1)
    axis = axis_of(node.get("axis", 0), source.rank)
    if source.values is not None and indices.values is not None:
        places = np.array(indices.integers, int).reshape(indices.values.shape)
        return of_values(np.asarray(_taken(source.values, places, axis)), integral=source.integral)
    shape = source.known_shape
    if not shape[axis].fixed or indices.feature:
        raise NotDerivable(f"{node.title} selects positions of the image")
    return replace(
        source, shape=(*shape[:axis], *indices.known_shape, *shape[axis + 1 :]), values=None
    )


def _taken(values: NDArray[Any], places: NDArray[Any], axis: int) -> NDArray[Any]:
    output = np.empty((*values.shape[:axis], *places.shape, *values.shape[axis + 1 :]), object)
    output[...] = np.take(values, places, axis)
    return output


def _transpose(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    order = node.get("perm", None) or range(source.rank)[::-1]
    if source.shape is None:
        raise UnknownSize
    values = None if source.values is None else source.values.transpose(*order)
    return replace(source, shape=tuple(source.shape[place] for place in order), values=values)


RULES: Rules = {
    "Concat": _concat,
    "Split": _split,
    "Gather": _gather,
    "Transpose": _transpose,
}
