"""Refuses networks that no runtime here can serve, in words that name what is in the way."""

from collections.abc import Iterator, Sequence

import numpy as np
import onnx

from imaging.errors import BadModel
from models.onnx_graph.network_file import STANDARD, NetworkFile, all_tensors, array_of, shape_of

OF_RUNTIMES = frozenset(("ai.onnx.ml", "com.microsoft", "com.ms.internal.nhwc"))
"""Domains of further operators that ONNX Runtime has."""
FLOATS = frozenset(
    (
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT16,
        onnx.TensorProto.DOUBLE,
        onnx.TensorProto.BFLOAT16,
    )
)
"""Types of an input or output that can be converted to float32 and back."""
LARGEST_CHECKED_BYTES = 1 << 30
"""The checker serialises the network, which is not possible beyond 2 GiB."""
_FEW_CHANNELS = 16
GUIDE = "see docs/how-to/own-model.md"


def check_servable(network: NetworkFile, patch: Sequence[int] | None = None) -> None:
    """Raises BadModel where an operator, input, output or weight cannot be served.

    `patch`: spatial size of the windows in which the network runs: then it may accept that size
    alone.
    """
    _check_operators(network)
    _check_valid(network)
    _check_input(network, patch)
    _check_output(network, patch)
    _check_weights(network.model)


def _check_operators(network: NetworkFile) -> None:
    for node in _nodes(network.model.graph):
        if node.domain in STANDARD:
            known = onnx.defs.has(node.op_type, "")
        else:
            known = node.domain in OF_RUNTIMES
        if not known:
            raise BadModel(
                f"The layer '{node.name or ', '.join(node.output)}' is the operator "
                f"{node.domain or 'ai.onnx'}.{node.op_type}, which no runtime here has.",
                expected="Operators of the ONNX standard.",
                hint="Export the network without custom operators.",
            )


def _check_valid(network: NetworkFile) -> None:
    """As ONNX's own checker does, for versions that it knows."""
    model = network.model
    known = onnx.defs.onnx_opset_version() >= network.opset
    if not known or model.ir_version > onnx.IR_VERSION or model.ByteSize() > LARGEST_CHECKED_BYTES:
        return
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        reason = " ".join(str(error).split("\n")[0].split())[:300]
        raise BadModel(
            f"The network is not valid: {reason}",
            expected="A graph as the ONNX standard describes it.",
            hint="Export the network again.",
        ) from error


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for part in (attribute.g, *attribute.graphs):
                yield from _nodes(part)


def _check_input(network: NetworkFile, patch: Sequence[int] | None) -> None:
    names = [one.name for one in network.inputs]
    if len(names) != 1:
        raise BadModel(
            f"The network has {len(names)} inputs: {', '.join(names) or 'none'}.",
            expected="One input, (n, channels, *spatial), that contains all scans as channels.",
            hint="Export the network with one input, and concatenate the scans inside it.",
        )
    kind = network.input.type.tensor_type.elem_type
    if kind not in FLOATS:
        raise BadModel(
            f"The network's input has the type {_type_name(kind)}.",
            expected="float32, or float16, bfloat16 or double, which are converted.",
            hint="Export the network with an input of floats.",
        )
    shape = network.input_shape
    if len(shape) not in (4, 5):
        raise BadModel(
            f"The network's input has {len(shape)} dimensions.",
            expected="(n, channels, rows, columns) for images, (n, channels, x, y, z) for volumes.",
            hint=f"Export the network with such an input: {GUIDE}.",
        )
    _check_shape(shape, patch)


def _check_shape(shape: tuple[int | None, ...], patch: Sequence[int] | None) -> None:
    batch, channels, *spatial = shape
    last = spatial[-1]
    if last is not None and last <= _FEW_CHANNELS and (channels is None or channels > last):
        raise BadModel(
            f"The network's input is {_shape_text(shape)}, with the channels last.",
            expected="The channels first: (n, channels, *spatial).",
            hint="Export the network with the channels first (tf2onnx: --inputs-as-nchw and "
            "--outputs-as-nchw).",
        )
    if not _accepts(spatial, patch):
        sizes = " x ".join("any" if n is None else str(n) for n in spatial)
        raise BadModel(
            f"The network accepts images of one size alone: {sizes}.",
            expected="Free spatial sizes, so that tiles of any legal size can be run.",
            hint="Export it with dynamic spatial axes: in torch.onnx.export, `dynamic_axes`, or "
            f"`dynamic_shapes` with dynamo=True: {GUIDE}. Or state `windows` with this patch in "
            "the card, if the network runs in overlapping windows.",
        )
    if batch is not None and batch > 1:
        raise BadModel(
            f"The network runs {batch} images at a time.",
            expected="A free batch size.",
            hint=f"Export it with a dynamic first axis: {GUIDE}.",
        )


def _check_output(network: NetworkFile, patch: Sequence[int] | None) -> None:
    output = next(one for one in network.model.graph.output if one.name == network.output)
    kind = output.type.tensor_type.elem_type
    if kind and kind not in FLOATS:
        raise BadModel(
            f"The network's output '{output.name}' has the type {_type_name(kind)}.",
            expected="Logits: a float for each label and voxel, before softmax and argmax.",
            hint="Export the network without its last argmax.",
        )
    shape = shape_of(output)
    if not _accepts(shape[2:], patch):
        sizes = " x ".join("any" if n is None else str(n) for n in shape[2:])
        raise BadModel(
            f"The network's output '{output.name}' has a fixed size: {sizes}.",
            expected="Free spatial sizes.",
            hint=f"Export it with dynamic spatial axes: {GUIDE}.",
        )


def _accepts(spatial: Sequence[int | None], patch: Sequence[int] | None) -> bool:
    """Whether the sizes are free, or those of the windows."""
    stated = [None] * len(spatial) if patch is None else patch
    return all(n is None or n == size for n, size in zip(spatial, stated, strict=False))


def _check_weights(model: onnx.ModelProto) -> None:
    for tensor in all_tensors(model):
        if tensor.data_type in FLOATS:
            values = array_of(tensor)
            bad = int(np.size(values) - np.isfinite(values).sum())
            if bad and not _is_padding(values):
                raise BadModel(
                    f"The weights '{tensor.name or 'of a constant'}' contain {bad} values that "
                    "are NaN or infinite.",
                    expected="Finite weights.",
                    hint="The training diverged, or the file is damaged. Use another checkpoint.",
                )


def _is_padding(values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> bool:
    """One infinite number: exporters pad and mask with it."""
    return values.size == 1 and not bool(np.isnan(values).any())


def _type_name(kind: int) -> str:
    names = {number: name for name, number in onnx.TensorProto.DataType.items()}
    return str(names.get(kind, f"number {kind}")).lower()


def _shape_text(shape: tuple[int | None, ...]) -> str:
    return " x ".join("any" if n is None else str(n) for n in shape)
