"""Reads an ONNX file without running anything: its graph, its weights, its one input and output.

Weights may be in further files beside it ("external data", as PyTorch's exporter writes them). Only
regular files inside the folder of the network are opened.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx.external_data_helper import ExternalDataInfo, load_external_data_for_tensor
from onnx.inliner import inline_local_functions

from imaging.errors import BadModel
from models.onnx_graph.node import Node

STANDARD = ("", "ai.onnx")
"""Names of the domain of ONNX's own operators."""


@dataclass(frozen=True)
class NetworkFile:
    """A network as its file describes it, complete with its weights."""

    model: onnx.ModelProto
    output: str
    """The name of the output that is used."""
    external: tuple[Path, ...] = ()
    """Further files that contain weights."""

    @cached_property
    def opset(self) -> int:
        """The version of ONNX's operators."""
        return next(
            (int(one.version) for one in self.model.opset_import if one.domain in STANDARD), 1
        )

    @cached_property
    def constants(self) -> dict[str, onnx.TensorProto]:
        """The weights and other constants, by name."""
        return {constant.name: constant for constant in self.model.graph.initializer}

    @cached_property
    def inputs(self) -> tuple[onnx.ValueInfoProto, ...]:
        """The inputs that a run must supply."""
        return tuple(one for one in self.model.graph.input if one.name not in self.constants)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """The layers that the output depends on, in the order in which they run."""
        wanted, needed = {self.output}, []
        for proto in reversed(self.model.graph.node):
            if wanted.intersection(proto.output):
                wanted.update(name for name in proto.input if name)
                needed.append(Node(proto, self.opset))
        return tuple(reversed(needed))

    @property
    def other_outputs(self) -> tuple[str, ...]:
        """Names of the outputs that are not used."""
        return tuple(one.name for one in self.model.graph.output if one.name != self.output)

    @property
    def input(self) -> onnx.ValueInfoProto:
        """The input for the image."""
        return self.inputs[0]

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """(n, channels, *spatial); None where any size is accepted."""
        return shape_of(self.input)


def array_of(tensor: onnx.TensorProto) -> NDArray[Any]:
    """The values of a constant; raises BadModel where they do not fit its shape and type."""
    try:
        return np.asarray(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise BadModel(
            f"The constant '{tensor.name}' of the network is damaged: its values do not fit its "
            "shape.",
            expected="A complete ONNX file.",
            hint="Export the network again, or copy the file again.",
        ) from error


def shape_of(value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
    """The stated shape of an input or output; None where a size is free."""
    dimensions = value.type.tensor_type.shape.dim
    return tuple(one.dim_value if one.HasField("dim_value") else None for one in dimensions)


def read_network(path: Path, output: str = "") -> NetworkFile:
    """The network of an ONNX file. `output`: the one of several that is used; empty: the first.

    Raises BadModel where the file cannot be read, or its weights are not in its folder.
    """
    try:
        model = onnx.load(path, load_external_data=False)
    except (OSError, DecodeError, ValueError) as error:
        raise _unreadable() from error
    if not model.graph.output or not model.graph.input or not _readable(model.graph):
        raise _unreadable()
    external = _load_external(model, path.parent)
    if model.functions:
        model = inline_local_functions(model)
    names = [one.name for one in model.graph.output]
    if output and output not in names:
        raise BadModel(
            f"The network has no output '{output}'.",
            expected=f"One of: {', '.join(names)}.",
            hint="Choose one of these.",
        )
    return NetworkFile(model, output or names[0], external)


def _readable(graph: onnx.GraphProto) -> bool:
    """Whether all names are text: protobuf returns bytes where they are not valid UTF-8."""
    ends = [one.name for one in (*graph.input, *graph.output, *graph.initializer)]
    nodes = [
        name
        for node in graph.node
        for name in (node.op_type, node.domain, node.name, *node.input, *node.output)
    ]
    attributes = [one.name for node in graph.node for one in node.attribute]
    return not any(isinstance(name, bytes) for name in (*ends, *nodes, *attributes))


def _unreadable() -> BadModel:
    return BadModel(
        "The file is not a network in ONNX.",
        expected="An ONNX file with a graph, an input and an output.",
        hint="Export the network to ONNX: see docs/how-to/own-model.md.",
    )


def _load_external(model: onnx.ModelProto, folder: Path) -> tuple[Path, ...]:
    """Reads weights from files in `folder` into the model; returns these files."""
    files: set[Path] = set()
    for tensor in all_tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            location = ExternalDataInfo(tensor).location
            file = _inside(folder, location)
            try:
                load_external_data_for_tensor(tensor, str(folder.resolve()))
            except (OSError, ValueError, onnx.checker.ValidationError) as error:
                raise _bad_location(location, "cannot be read or is too short") from error
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
            files.add(file)
    return tuple(sorted(files))


def all_tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """All constants of the graph, its layers and its functions."""
    yield from _tensors_of(model.graph)
    for function in model.functions:
        for node in function.node:
            yield from _tensors_of_node(node)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        yield from _tensors_of_node(node)


def _tensors_of_node(node: onnx.NodeProto) -> Iterator[onnx.TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        for graph in (attribute.g, *attribute.graphs):
            yield from _tensors_of(graph)


def _inside(folder: Path, location: str) -> Path:
    """The file, which must be a regular file in the folder. Symbolic links are not followed."""
    relative = Path(location)
    if not location or relative.is_absolute() or ".." in relative.parts:
        raise _bad_location(location, "is outside the folder of the network")
    path = folder
    for part in relative.parts:
        path = path / part
        if path.is_symlink():
            raise _bad_location(location, "is a symbolic link")
    if not path.is_file():
        raise _bad_location(location, "does not exist")
    return path


def _bad_location(location: str, problem: str) -> BadModel:
    return BadModel(
        f"The network's weights are in another file, '{location[:80]}', which {problem}.",
        expected="All files of weights beside the network's own file, as the exporter wrote them.",
        hint="Copy the files of weights into the folder, or export the network into one file.",
    )
