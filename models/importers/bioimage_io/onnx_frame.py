"""Puts a package's ONNX network into Tessera's order of axes."""

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.importers.bioimage_io.frame import Frame
from models.onnx_graph.network_file import NetworkFile, shape_of

_IMAGE, _LOGITS = "tessera/image", "tessera/logits"


def in_frame(network: NetworkFile, frame: Frame, offsets: NDArray[np.float32]) -> onnx.ModelProto:
    """The network as (n, channels, *space) -> (n, channels, *space), with free n and space, and
    with `offsets`, one for each channel, subtracted from its output.

    Sizes that the file only states are made free; whether layers depend on them is derived later.
    """
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    graph = model.graph
    image = next(one for one in graph.input if one.name == network.input.name)
    output = next(one for one in graph.output if one.name == network.output)
    channels = shape_of(image)[frame.into.index(1)] if len(shape_of(image)) else None
    graph.node.insert(0, _transposed(_IMAGE, image.name, frame.into))
    last = _moved_back(graph, output, frame)
    kind = output.type.tensor_type.elem_type
    if offsets.any():
        shape = (1, len(offsets), *(1,) * len(frame.spaces))
        values = offsets.reshape(shape).astype(helper.tensor_dtype_to_np_dtype(kind))
        graph.initializer.append(numpy_helper.from_array(values, "tessera/offsets"))
        graph.node.append(helper.make_node("Sub", [last, "tessera/offsets"], [_LOGITS]))
        last = _LOGITS
    letters = "ijk"[: len(frame.spaces)], "xyz"[: len(frame.spaces)]
    first = helper.make_tensor_value_info(
        _IMAGE, image.type.tensor_type.elem_type, ["n", channels, *letters[0]]
    )
    final = helper.make_tensor_value_info(last, kind, ["n", len(offsets), *letters[1]])
    others = [one for one in graph.input if one.name != image.name]
    _replace(graph, "input", [first, *others])
    _replace(graph, "output", [final])
    graph.ClearField("value_info")  # with the sizes of one image
    return model


def _moved_back(graph: onnx.GraphProto, output: onnx.ValueInfoProto, frame: Frame) -> str:
    name = "tessera/ordered"
    graph.node.append(_transposed(output.name, name, frame.back))
    return name


def _transposed(source: str, target: str, order: Sequence[int]) -> onnx.NodeProto:
    if list(order) == sorted(order):
        return helper.make_node("Identity", [source], [target])
    return helper.make_node("Transpose", [source], [target], perm=list(order))


def _replace(graph: onnx.GraphProto, field: str, values: list[onnx.ValueInfoProto]) -> None:
    copies = [type(one).FromString(one.SerializeToString()) for one in values]
    graph.ClearField(field)
    getattr(graph, field).extend(copies)
