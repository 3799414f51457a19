"""Follows the image through the graph: the shape of every tensor, and what it reads."""

from collections.abc import Mapping, Sequence

from imaging.errors import BadModel
from models.onnx_graph.network_file import STANDARD, NetworkFile, array_of
from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators import (
    cutting,
    joining,
    pointwise,
    reductions,
    reshaping,
    resizing,
    shapes,
    sliding,
)
from models.onnx_graph.operators.pointwise import size_used, varies
from models.onnx_graph.operators.rule import Inputs, Rules, marked
from models.onnx_graph.size import Size, UnknownSize, number
from models.onnx_graph.tensor import Tensor, constant
from models.onnx_graph.windows import of_input

RULES: Rules = {
    **sliding.RULES,
    **resizing.RULES,
    **pointwise.RULES,
    **shapes.RULES,
    **joining.RULES,
    **reshaping.RULES,
    **cutting.RULES,
    **reductions.RULES,
}
"""The rule of each operator; without one, the derivation ends."""
_COMPUTING = frozenset((*sliding.RULES, "BatchNormalization", "Clip"))
"""Layers whose further inputs are weights and limits, not sizes."""


def constants_of(network: NetworkFile) -> dict[str, Tensor]:
    """The constants of the graph as tensors; they are the same for every grid."""
    return {name: constant(array_of(proto)) for name, proto in network.constants.items()}


def trace(
    network: NetworkFile, grid: Grid, constants: Mapping[str, Tensor], channels: int
) -> dict[str, Tensor]:
    """All tensors by name, for images of the grid's sizes.

    Raises NeedsAlign where the stride is larger than the grid's align, and IllegalSize where the
    network does not accept images of these sizes.
    """
    tensors = dict(constants) | {network.input.name: _image(grid, channels)}
    for node in network.nodes:
        inputs = [tensors.get(name) if name else None for name in node.proto.input]
        outputs = _outputs(node, inputs, grid)
        tensors.update(zip(node.proto.output, outputs, strict=False))
    return tensors


def _image(grid: Grid, channels: int) -> Tensor:
    axes = range(len(grid.align))
    sizes = [_axis_size(axis, grid) for axis in axes]
    reads = {axis: of_input(grid.align[axis]) for axis in axes} if grid.windows else {}
    return Tensor((number(1), number(channels), *sizes), reads, feature=True)


def _axis_size(axis: int, grid: Grid) -> Size:
    base, slope = number(grid.residue[axis]), number(grid.align[axis])
    return Size(base.base, slope.base, axis)


def _outputs(node: Node, inputs: list[Tensor | None], grid: Grid) -> tuple[Tensor, ...]:
    rule = RULES.get(node.kind, _unknown) if node.proto.domain in STANDARD else _unknown
    try:
        outputs = rule(node, inputs, grid)
    except (ArithmeticError, LookupError, TypeError, ValueError):  # attributes that make no sense
        raise _not_valid(node) from None
    except (UnknownSize, NotDerivable) as error:
        known = [tensor for tensor in inputs if tensor is not None]
        reason = next((tensor.whole for tensor in known if tensor.whole), "")
        reason = reason or str(error) or f"{node.title} has an output that cannot be derived"
        feature = any(tensor.feature for tensor in known)
        return (Tensor(None, feature=feature, whole=reason),) * len(node.proto.output)
    listed = outputs if isinstance(outputs, tuple) else (outputs,)
    return tuple(marked(one, _used_whole(node, inputs)) for one in listed)


def _used_whole(node: Node, inputs: Sequence[Tensor | None]) -> str:
    """Why the values of the inputs make the layer's values depend on the whole tile, or empty."""
    if node.kind in ("Shape", "Size"):  # these take a shape alone
        return ""
    present = [tensor for tensor in inputs if tensor is not None]
    whole = next((tensor.whole for tensor in present if tensor.whole), "")
    if not whole and node.kind in _COMPUTING:
        whole = next((size_used(node, one) for one in present if varies(one)), "")
    return whole


def _unknown(node: Node, inputs: Inputs, grid: Grid) -> Tensor:  # noqa: ARG001 - a Rule
    raise NotDerivable(f"{node.title} is not an operator that can be derived")


def _not_valid(node: Node) -> BadModel:
    return BadModel(
        f"The layer {node.title} is not valid: its attributes and inputs do not fit together.",
        expected="Layers as the ONNX standard describes them.",
        hint="Export the network again, and check the file with onnx.checker.",
    )
