"""Layers that compute sizes, and those that arrange what is there: Reshape, Concat, Slice, Pad."""

from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from models.onnx_graph.node import Grid, IllegalSize, Node, NotDerivable
from models.onnx_graph.operators.pointwise import combined
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    axis_of,
    first,
    layer_output,
    optional,
    reading,
    required,
)
from models.onnx_graph.operators.values import product
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import MOST_VALUES, Shape, Tensor, constant, of_values
from models.onnx_graph.windows import Windows

_TO_THE_END = 2**31 - 1
"""Exporters write this or more as the end of a slice that takes the rest."""


def _shape(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if source.shape is None:
        raise UnknownSize
    sizes = source.shape[node.get("start", 0) : node.get("end", None)]
    return _list(sizes)


def _list(sizes: Shape) -> Tensor:
    values = np.empty(len(sizes), object)
    values[:] = sizes
    return of_values(values, integral=True)


def _size(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    values = np.empty((), object)
    values[()] = product(_list(first(inputs).known_shape).known_values)
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
    shape = tuple(product(_list(part).known_values) for part in parts)
    return _regrouped(node, source, shape)


def _pad(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    shape = source.known_shape
    stated = optional(inputs, 1)
    amounts = stated.sizes if stated is not None else tuple(map(number, node.get("pads", ())))
    chosen = optional(inputs, 3)
    axes = chosen.integers if chosen is not None else tuple(range(len(shape)))
    mode, whole = node.get("mode", "constant"), ""
    sizes, reads = list(shape), dict(source.reads)
    for axis, before, after in zip(axes, amounts, amounts[len(axes) :], strict=False):
        place = axis_of(axis, len(shape))
        size = shape[place]
        if not (before.fixed and after.fixed):
            raise IllegalSize(_axis(before, after), f"{node.title} pads by an amount that grows")
        start = int(before)
        sizes[place] = size + before + after
        if (start or int(after)) and size.axis is not None:
            if mode == "wrap":
                whole = f"{node.title} wraps around the tile"
            if mode == "reflect":
                grid.require(size, max(start, int(after)) + 1, node)
            grid.require(sizes[place], 1, node)
            reads |= reading(source, size, sizes[place], grid, lambda p, start=start: (p - start,))  # type: ignore[misc]
    return layer_output(source, sizes, reads, whole)


def _axis(*sizes: Size) -> int:
    return next((size.axis for size in sizes if size.axis is not None), 0)


def _slice(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    starts, ends, axes, steps = _bounds(node, inputs)
    if source.values is not None:
        return _sliced_values(source, starts, ends, axes, steps)
    shape = source.known_shape
    sizes, reads, whole = list(shape), dict(source.reads), ""
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        place = axis_of(axis, len(shape))
        low, high = _from_the_end(start, shape[place]), _end(end, shape[place])
        if step < 1:
            raise NotDerivable(f"{node.title} reverses an axis")
        out = ((high - low) / number(step)).ceil()
        sizes[place] = out
        axis_of_image = shape[place].axis
        if axis_of_image is None:
            continue
        if not low.fixed or out.axis is None:
            whole = whole or f"{node.title} takes a part that depends on the size of the tile"
            reads.pop(axis_of_image, None)
            continue
        grid.require(out, 1, node)
        grid.require(shape[place] - high, 0, node)
        begin = int(low)
        reads |= reading(
            source,
            shape[place],
            out,
            grid,
            lambda p, begin=begin, step=step: (begin + p * step,),  # type: ignore[misc]
        )
    return layer_output(source, sizes, reads, whole)


def _bounds(
    node: Node, inputs: Inputs
) -> tuple[tuple[Size, ...], tuple[Size, ...], tuple[int, ...], tuple[int, ...]]:
    if node.opset < 10:
        starts, ends = (tuple(map(number, node.get(name, ()))) for name in ("starts", "ends"))
        return starts, ends, tuple(node.get("axes", range(len(starts)))), (1,) * len(starts)
    starts, ends = required(inputs, 1).sizes, required(inputs, 2).sizes
    axes, steps = optional(inputs, 3), optional(inputs, 4)
    return (
        starts,
        ends,
        axes.integers if axes is not None else tuple(range(len(starts))),
        steps.integers if steps is not None else (1,) * len(starts),
    )


def _from_the_end(value: Size, size: Size) -> Size:
    return size + value if value.fixed and value.base < 0 else value


def _end(value: Size, size: Size) -> Size:
    if value.fixed and value.base >= _TO_THE_END:
        return size
    value = _from_the_end(value, size)
    if size.fixed and value.fixed:
        return min(value, size, key=lambda one: one.base)
    return value


def _sliced_values(
    source: Tensor,
    starts: tuple[Size, ...],
    ends: tuple[Size, ...],
    axes: tuple[int, ...],
    steps: tuple[int, ...],
) -> Tensor:
    values = source.known_values if source.values is None else source.values
    cuts = [slice(None)] * values.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        stop: int | None = int(end)
        if step < 0 and int(end) < -values.shape[axis]:
            stop = None
        cuts[axis] = slice(int(start), stop, step)
    return of_values(values[tuple(cuts)], integral=source.integral)


def _tile(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, repeats = first(inputs), required(inputs, 1).sizes
    sizes = []
    for size, repeat in zip(source.known_shape, repeats, strict=True):
        if size.axis is not None and repeat != number(1):
            raise NotDerivable(f"{node.title} repeats an axis of the image")
        sizes.append(size * repeat)
    return replace(source, shape=tuple(sizes), values=None)


RULES: Rules = {
    "Shape": _shape,
    "Size": _size,
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Concat": _concat,
    "Split": _split,
    "Gather": _gather,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Pad": _pad,
    "Slice": _slice,
    "Tile": _tile,
}
