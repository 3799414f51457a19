"""The network as it is stored: one file, one output, float32 in and out."""

import onnx
from google.protobuf.message import EncodeError
from onnx import TensorProto, helper

from imaging.errors import BadModel
from models.onnx_graph.network_file import NetworkFile

LARGEST_BYTES = (1 << 31) - 1
"""A file of ONNX cannot be larger."""


def stored_form(network: NetworkFile) -> bytes | None:
    """The bytes to store; None where the file can stay as it is.

    Raises BadModel where the network with all its weights does not fit one file.
    """
    changes = (
        network.external,
        len(network.model.graph.output) > 1,
        _type(network.input) != TensorProto.FLOAT,
        _type(_output(network)) not in (TensorProto.FLOAT, 0),
    )
    if not any(changes):
        return None
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    _keep_one_output(model, network)
    _convert_ends(model, network)
    return _serialised(model)


def _output(network: NetworkFile) -> onnx.ValueInfoProto:
    outputs: list[onnx.ValueInfoProto] = list(network.model.graph.output)
    return next(one for one in outputs if one.name == network.output)


def _type(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _keep_one_output(model: onnx.ModelProto, network: NetworkFile) -> None:
    """Removes the other outputs and what only they need."""
    graph, output = model.graph, _output(network)
    nodes = [node.proto for node in network.nodes]
    used = {name for node in nodes for name in node.input} | _used_inside(nodes)
    constants = [one for one in graph.initializer if one.name in used]
    for field, kept in (("node", nodes), ("output", [output]), ("initializer", constants)):
        copies = [type(one).FromString(one.SerializeToString()) for one in kept]
        graph.ClearField(field)
        getattr(graph, field).extend(copies)


def _used_inside(nodes: list[onnx.NodeProto]) -> set[str]:
    """Names that parts of a graph, such as the branches of an If, use from outside."""
    names: set[str] = set()
    for node in nodes:
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                names.update(name for inner in graph.node for name in inner.input)
                names |= _used_inside(list(graph.node))
    return names


def _convert_ends(model: onnx.ModelProto, network: NetworkFile) -> None:
    """Adds conversions from and to float32 where the network has another type of floats."""
    graph = model.graph
    image = next(one for one in graph.input if one.name == network.input.name)
    kind = _type(image)
    if kind != TensorProto.FLOAT:
        inside = f"{image.name}/converted"
        for node in graph.node:
            for place, name in enumerate(node.input):
                if name == image.name:
                    node.input[place] = inside
        graph.node.insert(0, helper.make_node("Cast", [image.name], [inside], to=kind))
        image.type.tensor_type.elem_type = TensorProto.FLOAT
    (output,) = graph.output
    if _type(output) not in (TensorProto.FLOAT, 0):
        inside = f"{output.name}/unconverted"
        for node in graph.node:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    if name == output.name:
                        names[place] = inside
        graph.node.append(helper.make_node("Cast", [inside], [output.name], to=TensorProto.FLOAT))
        output.type.tensor_type.elem_type = TensorProto.FLOAT
        del graph.value_info[:]


def _serialised(model: onnx.ModelProto) -> bytes:
    too_large = BadModel(
        "The network and its weights are larger than 2 GiB.",
        expected="At most 2 GiB, which is the largest file of ONNX.",
        hint="Export the network with weights in float16.",
    )
    try:
        if model.ByteSize() > LARGEST_BYTES:
            raise too_large
        return bytes(model.SerializeToString())
    except (EncodeError, ValueError) as error:
        raise too_large from error
