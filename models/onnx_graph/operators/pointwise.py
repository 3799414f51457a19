"""Layers whose output at a position reads that position alone, and broadcasting."""

from collections.abc import Sequence
from dataclasses import replace

from models.onnx_graph.node import Grid, Node
from models.onnx_graph.operators.rule import Inputs, Rules, first, required
from models.onnx_graph.operators.values import computed
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import Shape, Tensor
from models.onnx_graph.windows import NOTHING, Windows, union

ONE = number(1)
UNARY = (
    *("Abs", "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "BitwiseNot", "Cast", "Ceil"),
    *("Celu", "Clip", "Cos", "Cosh", "DequantizeLinear", "Elu", "Erf", "Exp", "Floor", "Gelu"),
    *("HardSigmoid", "HardSwish", "Identity", "IsInf", "IsNaN", "LRN", "LeakyRelu"),
    *("Log", "Mish", "Neg", "Not", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu"),
    *("Shrink", "Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Swish"),
    *("Tan", "Tanh", "ThresholdedRelu"),
)
"""Layers of one input; further inputs are constants."""
BROADCAST = (
    *("Add", "And", "BitShift", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Equal"),
    *("Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Max", "Mean", "Min", "Mod", "Mul"),
    *("Or", "PRelu", "Pow", "Sub", "Sum", "Where", "Xor"),
)
"""Layers of several inputs that are broadcast to one shape."""


def broadcast_shape(inputs: Sequence[Tensor], node: Node, grid: Grid) -> Shape:
    """The shape of inputs that are broadcast."""
    shapes = [tensor.shape for tensor in inputs]
    if any(shape is None for shape in shapes):
        raise UnknownSize
    known = [shape for shape in shapes if shape is not None]
    rank = max(len(shape) for shape in known)
    return tuple(
        _dimension([shape[i - rank] for shape in known if len(shape) >= rank - i], node, grid)
        for i in range(rank)
    )


def _dimension(sizes: Sequence[Size | None], node: Node, grid: Grid) -> Size | None:
    large = [size for size in sizes if size != ONE]
    if not large:
        return ONE
    if None in large:
        return None
    known = [size for size in large if size is not None]
    for other in known[1:]:
        grid.require_equal(known[0], other, node)
    return known[0]


def combined(node: Node, inputs: Sequence[Tensor], shape: Shape, grid: Grid) -> Tensor:
    """The output of a layer that reads the same position of all its inputs."""
    feature = any(tensor.feature for tensor in inputs)
    whole = next((tensor.whole for tensor in inputs if tensor.whole), "")
    whole = whole or next((size_used(node, one) for one in inputs if varies(one)), "")
    reads: dict[int, Windows] = {}
    for size in shape:
        if size is None or size.axis is None or not grid.windows:
            continue
        sources = [tensor.reads[size.axis] for tensor in inputs if tensor.reads.get(size.axis)]
        reads[size.axis] = union(sources) if sources else (NOTHING,) * int(size.slope)
    return Tensor(shape, reads, feature=feature, whole=whole)


def varies(tensor: Tensor) -> bool:
    """Whether its values depend on the size of the image."""
    return tensor.values is not None and any(
        value is None or not value.fixed for value in tensor.values.flat
    )


def size_used(node: Node, tensor: Tensor) -> str:
    """Why a layer that computes with this tensor is not local; empty if it may be."""
    return f"{node.title} computes with the size of the whole tile" if varies(tensor) else ""


def _unary(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source = first(inputs)
    values = computed(node, inputs)
    if values is not None:
        return values
    return replace(source, values=None, whole=source.whole or size_used(node, source))


def _broadcast(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    values = computed(node, inputs)
    if values is not None:
        return values
    tensors = [tensor for tensor in inputs if tensor is not None]
    return combined(node, tensors, broadcast_shape(tensors, node, grid), grid)


def _dropout(node: Node, inputs: Inputs, grid: Grid) -> tuple[Tensor, ...]:
    source = replace(first(inputs), values=None)
    return (source, source)


def _normalised(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    """Batch norm with stored statistics."""
    source = first(inputs)
    if node.get("training_mode", 0):
        return replace(source, whole=f"{node.title} computes statistics of the whole tile")
    return source


def _expand(node: Node, inputs: Inputs, grid: Grid) -> Tensor:
    source, wanted = first(inputs), required(inputs, 1).sizes
    shape = broadcast_shape([source, Tensor(tuple(wanted))], node, grid)
    return combined(node, [source], shape, grid)


RULES: Rules = {
    **dict.fromkeys(UNARY, _unary),
    **dict.fromkeys(BROADCAST, _broadcast),
    "CastLike": _unary,
    "Dropout": _dropout,
    "BatchNormalization": _normalised,
    "Expand": _expand,
}
