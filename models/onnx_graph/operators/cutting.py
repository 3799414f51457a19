"""Layers that change an axis' length: Pad, Slice, Tile."""

from dataclasses import replace

from models.onnx_graph.node import Grid, IllegalSize, Node, NotDerivable
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
from models.onnx_graph.size import Size, number
from models.onnx_graph.tensor import Tensor, of_values

_TO_THE_END = 2**31 - 1
"""Exporters write this or more as the end of a slice that takes the rest."""


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
    "Pad": _pad,
    "Slice": _slice,
    "Tile": _tile,
}
