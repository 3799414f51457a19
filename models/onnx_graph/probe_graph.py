"""A copy of a network in which every tap counts, to measure what an output reads.

A trained weight may be so small that no measurement finds what it reads, and an activation or a
maximum may hide it. In the copy every weight is 1, every bias and every constant added is 0, and
activations are left out. After each layer that adds values up, its output is 1 where it is above 0:

    image: 1 in some voxels, 0 elsewhere  ->  output: 1 where any of them is read, 0 elsewhere

All that decides which voxels are read stays as it is: kernels, strides, paddings, resizing, crops,
and the computation of sizes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.onnx_graph.facts import Tiling
from models.onnx_graph.network_file import STANDARD, NetworkFile
from models.onnx_graph.node import Grid, Node, NotDerivable
from models.onnx_graph.operators.pointwise import BROADCAST, UNARY
from models.onnx_graph.operators.reductions import REDUCTIONS
from models.onnx_graph.tensor import Tensor
from models.onnx_graph.trace import constants_of, trace

FIRST_OPSET = 9
"""The operator Sign exists from here on."""
_ARRANGING = (
    *("DepthToSpace", "Expand", "Flatten", "Gather", "Pad", "Reshape", "Slice", "SpaceToDepth"),
    *("Split", "Squeeze", "Tile", "Transpose", "Unsqueeze"),
)
"""Layers that arrange values: the copy has them unchanged."""


_OF_ANY_CHANNELS = frozenset(
    (
        *("Conv", "ConvInteger", "ConvTranspose", "QLinearConv", "MaxPool", "AveragePool"),
        *("LpPool", "Resize", "Upsample", "BatchNormalization", "Dropout", "Concat", "Pad"),
        *("Slice", *UNARY, *BROADCAST),
    )
)
"""Layers that do the same for each channel, or mix them all."""


def probes_of(network: NetworkFile, tiling: Tiling) -> Iterator[bytes]:
    """The copies as ONNX files, with the same input and output in float32: first one that has a
    single channel everywhere, if the network's layers permit it, which is far less work.

    Raises NotDerivable where a layer has no counterpart.
    """
    if network.opset < FIRST_OPSET:
        raise NotDerivable(f"Networks of opset {network.opset} cannot be probed")
    residue = tuple(n % step for n, step in zip(tiling.minimum, tiling.align, strict=True))
    grid = Grid(tiling.align, residue, windows=False)
    channels = network.input_shape[1] or 1
    tensors = trace(network, grid, constants_of(network), channels)
    if _fits_one_channel(network, tensors):
        yield _written(network, _Copy(tensors, one_channel=True), 1)
    yield _written(network, _Copy(tensors, one_channel=False), channels)


def _fits_one_channel(network: NetworkFile, tensors: Mapping[str, Tensor]) -> bool:
    rank = len(network.input_shape)
    for node in network.nodes:
        maps = [tensors[name] for name in node.proto.output if name and tensors[name].feature]
        if any(one.shape is None or len(one.shape) != rank for one in maps):
            return False
        if maps and node.kind not in _OF_ANY_CHANNELS:
            return False
        if maps and node.kind in ("Pad", "Slice"):
            source = tensors[node.proto.input[0]]
            if source.known_shape[1] != maps[0].known_shape[1]:
                return False
        if maps and node.kind == "Concat" and node.get("axis", 1) not in (1, 1 - rank):
            return False
    return True


def _written(network: NetworkFile, copy: "_Copy", channels: int) -> bytes:
    for node in network.nodes:
        copy.add(node)
    used = {name for node in copy.nodes for name in node.input}
    kept = [one for name, one in network.constants.items() if name in used]
    free = [f"axis{n}" for n in range(len(network.input_shape) - 2)]
    image = helper.make_tensor_value_info(
        network.input.name, TensorProto.FLOAT, [1, channels, *free]
    )
    output = helper.make_tensor_value_info(network.output, TensorProto.FLOAT, None)
    constants = [*kept, *copy.constants]
    graph = helper.make_graph(copy.nodes, "probe", [image], [output], constants)
    opsets = [one for one in network.model.opset_import if one.domain in STANDARD]
    version = network.model.ir_version
    model = helper.make_model(graph, opset_imports=opsets, ir_version=version)
    return bytes(model.SerializeToString())


@dataclass
class _Copy:
    """Nodes and constants of the copy so far."""

    tensors: Mapping[str, Tensor]
    one_channel: bool
    """Whether one channel stands for all, which read the same together."""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, node: Node) -> None:
        """Adds the counterpart of a layer of the network."""
        if not any(self._feature(name) for name in node.proto.output):
            self.nodes.append(node.proto)
            return
        counterpart = _COUNTERPARTS.get(node.kind)
        if counterpart is None:
            raise NotDerivable(f"{node.title} cannot be probed")
        counterpart(self, node)

    def emit(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Adds a node; returns the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def marked(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        """Adds a node whose output is 1 where it is not 0."""
        summed = self.emit(kind, inputs, f"{output}/sum", **attributes)
        self.emit("Sign", [self.emit("Abs", [summed], f"{output}/size")], output)

    def features(self, node: Node) -> list[str]:
        """The inputs that are computed from the image."""
        return [name for name in node.proto.input if self._feature(name)]

    def values(self, node: Node) -> list[str]:
        """The inputs, with those that are not computed from the image replaced by zeros."""
        return [
            name if self._feature(name) else self._zeros(name, f"{node.proto.output[0]}/{n}")
            for n, name in enumerate(node.proto.input)
            if name
        ]

    def shape(self, name: str, dimensions: int | None = None) -> tuple[int, ...]:
        """The shape of weights, or the first dimensions of any tensor."""
        return tuple(int(size) for size in self.tensors[name].known_shape[:dimensions])

    def ones(self, shape: Sequence[int]) -> str:
        """Weights of 1."""
        return self._constant(np.ones(shape, np.float32))

    def integers(self, *values: int) -> str:
        """A list of integers."""
        return self._constant(np.array(values, np.int64))

    def largest(self, node: Node, source: str, output: str) -> str:
        """The largest value of all channels. The axis was an attribute before opset 18."""
        if node.opset < 18:
            return self.emit("ReduceMax", [source], output, axes=[1])
        return self.emit("ReduceMax", [source, self.integers(1)], output)

    def _constant(self, values: NDArray[Any]) -> str:
        name = f"probe/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def _feature(self, name: str) -> bool:
        return name in self.tensors and self.tensors[name].feature

    def _zeros(self, name: str, prefix: str) -> str:
        number = self.emit("Cast", [name], f"{prefix}/float", to=TensorProto.FLOAT)
        return self.emit(
            "Mul", [number, self._constant(np.zeros((), np.float32))], f"{prefix}/zeros"
        )


def _convolution(weights: int) -> Callable[[_Copy, Node], None]:
    def add(copy: _Copy, node: Node) -> None:
        source, (output, *_) = node.proto.input[0], node.proto.output
        kind = "ConvTranspose" if node.kind == "ConvTranspose" else "Conv"
        shape = copy.shape(node.proto.input[weights])
        if copy.one_channel:
            options = {name: one for name, one in node.attributes.items() if name != "group"}
            copy.marked(kind, [source, copy.ones((1, 1, *shape[2:]))], output, **options)
        elif node.get("group", 1) == 1:
            _of_one_channel(copy, node, kind, shape[2:])
        else:
            copy.marked(kind, [source, copy.ones(shape)], output, **node.attributes)

    return add


def _of_one_channel(copy: _Copy, node: Node, kind: str, taps: Sequence[int]) -> None:
    """Every channel reads every channel: one is computed, and repeated. That is far less work."""
    source, (output, *_) = node.proto.input[0], node.proto.output
    channels = copy.integers(1, copy.shape(output, 2)[1], *(1 for _ in taps))
    any_channel = copy.largest(node, source, f"{output}/any")
    copy.marked(kind, [any_channel, copy.ones((1, 1, *taps))], f"{output}/one", **node.attributes)
    copy.emit("Expand", [f"{output}/one", channels], output)


def _unchanged(copy: _Copy, node: Node) -> None:
    inputs = list(node.proto.input)
    attributes = dict(node.attributes)
    if node.kind == "Pad":
        attributes.pop("value", None)
        inputs[2:3] = [""] * len(inputs[2:3])
    copy.nodes.append(helper.make_node(node.kind, inputs, list(node.proto.output), **attributes))


def _marked(copy: _Copy, node: Node) -> None:
    copy.marked(node.kind, list(node.proto.input), node.proto.output[0], **node.attributes)


def _identity(copy: _Copy, node: Node) -> None:
    for output in node.proto.output:
        if output:
            copy.emit("Identity", [copy.features(node)[0]], output)


def _sum(copy: _Copy, node: Node) -> None:
    values = copy.features(node) if copy.one_channel else copy.values(node)
    copy.marked("Sum", values, node.proto.output[0])


def _concat(copy: _Copy, node: Node) -> None:
    if copy.one_channel:
        copy.marked("Sum", copy.features(node), node.proto.output[0])
        return
    copy.emit("Concat", copy.values(node), node.proto.output[0], **node.attributes)


def _matmul(copy: _Copy, node: Node) -> None:
    feature = copy.features(node)
    inputs = [name if name in feature else copy.ones(copy.shape(name)) for name in node.proto.input]
    copy.marked("MatMul", inputs, node.proto.output[0])


def _reduce(copy: _Copy, node: Node) -> None:
    """The maximum, which has its axes where the layer has them: as input or as attribute."""
    kind = "ReduceSum" if node.kind == "ReduceSum" and node.opset < 18 else "ReduceMax"
    copy.marked(kind, list(node.proto.input), node.proto.output[0], **node.attributes)


_COUNTERPARTS: dict[str, Callable[[_Copy, Node], None]] = {
    **dict.fromkeys(("Conv", "ConvInteger", "ConvTranspose"), _convolution(1)),
    "QLinearConv": _convolution(3),
    **dict.fromkeys(("MaxPool", "AveragePool", "LpPool", "Resize", "Upsample"), _marked),
    **dict.fromkeys(UNARY, _identity),
    **dict.fromkeys(("BatchNormalization", "CastLike", "Dropout"), _identity),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Hardmax", "LpNormalization"), _identity),
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), _identity),
    "MeanVarianceNormalization": _identity,
    **dict.fromkeys(BROADCAST, _sum),
    "Concat": _concat,
    "MatMul": _matmul,
    **dict.fromkeys(REDUCTIONS, _reduce),
    **dict.fromkeys(_ARRANGING, _unchanged),
}
