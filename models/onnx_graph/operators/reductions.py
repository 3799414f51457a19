"""Layers that combine many positions: along the channels they are local, along the image not."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators.pointwise import broadcast_shape, size_used
from models.onnx_graph.operators.rule import (
    Inputs,
    Rules,
    axis_of,
    first,
    marked,
    optional,
    required,
)
from models.onnx_graph.operators.values import product
from models.onnx_graph.size import UnknownSize, number
from models.onnx_graph.tensor import Tensor, of_values

REDUCTIONS = tuple(
    f"Reduce{kind}"
    for kind in (
        *("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"),
    )
)


def _uses_image(source: Tensor, places: Iterable[int]) -> bool:
    """Whether any of these dimensions contains an axis of the image."""
    if source.shape is None:
        return True
    sizes = [source.shape[place] for place in places]
    return source.feature and any(size is None or size.axis is not None for size in sizes)


def _reduce(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, stated = first(inputs), optional(inputs, 1)
    axes = stated.integers if stated is not None else node.get("axes", None)
    if axes is None and node.get("noop_with_empty_axes", 0):
        return source
    places = [axis_of(axis, source.rank) for axis in axes or range(source.rank)]
    if source.values is not None and node.kind == "ReduceProd":
        values = np.empty((1,) if node.get("keepdims", 1) else (), object)
        values[...] = product(source.values)
        return of_values(values, integral=source.integral)
    keep = node.get("keepdims", 1)
    shape = tuple(
        number(1) if place in places else size
        for place, size in enumerate(source.shape or ())
        if keep or place not in places
    )
    whole = source.whole or size_used(node, source)
    reduced = _without_lost_axes(replace(source, shape=shape, values=None, whole=whole))
    if _uses_image(source, places):
        return marked(reduced, f"{node.title} reduces over the whole tile")
    return reduced


def _without_lost_axes(tensor: Tensor) -> Tensor:
    present = {size.axis for size in tensor.shape or () if size is not None}
    reads = {axis: windows for axis, windows in tensor.reads.items() if axis in present}
    return replace(tensor, reads=reads)


def _arg(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    place = axis_of(node.get("axis", 0), source.rank)
    shape = list(source.shape or ())
    if node.get("keepdims", 1):
        shape[place] = number(1)
    else:
        del shape[place]
    output = _without_lost_axes(replace(source, shape=tuple(shape), values=None))
    if _uses_image(source, [place]):
        return marked(output, f"{node.title} searches the whole tile")
    return output


def _along_axis(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """Softmax and its like. Before opset 13 they ran over all dimensions from `axis` on."""
    source = first(inputs)
    place = axis_of(node.get("axis", -1 if node.opset >= 13 else 1), source.rank)
    places = [place] if node.opset >= 13 else range(place, source.rank)
    if _uses_image(source, places):
        return marked(source, f"{node.title} runs over the axes of the image")
    return source


def _lp_norm(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if _uses_image(source, [axis_of(node.get("axis", -1), source.rank)]):
        return marked(source, f"{node.title} runs over the axes of the image")
    return source


def _layer_norm(node: Node, inputs: Inputs, grid: Grid) -> tuple[Tensor, ...]:
    source = first(inputs)
    place = axis_of(node.get("axis", -1), source.rank)
    if _uses_image(source, range(place, source.rank)):
        source = marked(source, f"{node.title} normalises by statistics of the whole tile")
    return (source, *(Tensor(None, feature=True, whole=source.whole) for _ in range(2)))


def _tile_norm(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    return marked(first(inputs), f"{node.title} normalises by statistics of the whole tile")


def _mean_variance(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    if _uses_image(source, [axis_of(a, source.rank) for a in node.get("axes", (0, 2, 3))]):
        return marked(source, f"{node.title} normalises by statistics of the whole tile")
    return source


def _global_pool(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    batch, channels, *spatial = source.known_shape
    shape = (batch, channels, *(number(1) for _ in spatial))
    pooled = replace(source, shape=shape, reads={}, values=None)
    return marked(pooled, f"{node.title} uses the whole tile")


def _dynamic_quantize(node: Node, inputs: Inputs, grid: Grid) -> tuple[Tensor, ...]:
    whole = f"{node.title} chooses its scale from the values of the whole tile"
    source = marked(first(inputs), whole)
    scalar = Tensor((), feature=True, whole=source.whole)
    return (source, scalar, scalar)


def _matmul(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """Local if it multiplies the channels, which are the last dimension, with constant weights."""
    one, other = first(inputs), required(inputs, 1)
    if one.rank < 2 or other.rank < 2:
        raise NotDerivable(f"{node.title} multiplies a vector")
    left, right = one.known_shape, other.known_shape
    outer = broadcast_shape([Tensor(left[:-2]), Tensor(right[:-2])], node, grid)
    shape = (*outer, left[-2], right[-1])
    whole = one.whole or other.whole or size_used(node, one) or size_used(node, other)
    if one.feature and other.feature:
        whole = whole or f"{node.title} compares positions of the whole tile"
    elif _uses_image(one, [one.rank - 1]) or _uses_image(other, range(other.rank)):
        whole = whole or f"{node.title} multiplies along an axis of the image"
    output = Tensor(shape, one.reads, feature=one.feature or other.feature, whole=whole)
    return _without_lost_axes(output)


def _gemm(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """A dense layer. Its input has no axes of the image left, or mixes them."""
    source, weights = first(inputs), required(inputs, 1)
    rows = source.known_shape[1 if node.get("transA", 0) else 0]
    columns = weights.known_shape[0 if node.get("transB", 0) else 1]
    whole = source.whole or weights.whole
    if _uses_image(source, range(source.rank)) or weights.feature:
        whole = whole or f"{node.title} multiplies along an axis of the image"
    feature = source.feature or weights.feature
    return Tensor((rows, columns), feature=feature, whole=whole)


def _top_k(node: Node, inputs: Inputs, grid: Grid) -> tuple[Tensor, ...]:
    source = first(inputs)
    place = axis_of(node.get("axis", -1), source.rank)
    if _uses_image(source, [place]):
        raise UnknownSize
    shape = list(source.known_shape)
    (shape[place],) = required(inputs, 1).sizes
    output = replace(source, shape=tuple(shape))
    return (output, output)


RULES: Rules = {
    **dict.fromkeys(REDUCTIONS, _reduce),
    **dict.fromkeys(("ArgMax", "ArgMin"), _arg),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax"), _along_axis),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization"), _tile_norm),
    **dict.fromkeys(("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"), _global_pool),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _layer_norm),
    "LpNormalization": _lp_norm,
    "MeanVarianceNormalization": _mean_variance,
    "DynamicQuantizeLinear": _dynamic_quantize,
    "MatMul": _matmul,
    "Gemm": _gemm,
    "TopK": _top_k,
}
