"""Writes a network to an ONNX file from the same layers that torch runs, and reads its weights.

There is one node per layer, and every weight has its name in torch. Batch norm is not folded (ONNX
Runtime folds it when it loads the file), so that a training can start from a deployed model.
Tracing in torch would fold and rename the weights, and store paths of the machine in the file.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from imaging.errors import BadModel
from models.nets.architecture import layers
from models.nets.layer import Kind, Layer
from models.nets.unet import UNet

OPSET, IR_VERSION = 18, 10
WEIGHTS = (".weight", ".bias", ".running_mean", ".running_var")
"""Endings of the names of trained weights; other constants of the graph have no dot."""


def to_onnx(network: UNet) -> bytes:
    """The ONNX file: `image` in, `logits` out, with free batch and spatial sizes."""
    axes, program = network.config.dimension, layers(network.config)
    graph = _Graph(network)
    for layer in program[1:]:
        NODES[layer.kind](graph, layer, [program[source].name for source in layer.sources])
    graph.nodes[-1].output[0] = "logits"
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [*"n", channels, *sizes[:axes]])
        for name, channels, sizes in (
            ("image", network.config.in_channels, "ijk"),
            ("logits", network.config.out_channels, "xyz"),
        )
    ]
    built = helper.make_graph(
        graph.nodes, "unet", ends[:1], ends[1:], list(graph.constants.values())
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(built, ir_version=IR_VERSION, opset_imports=opsets)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def weights_of(path: Path) -> dict[str, Tensor]:
    """The weights of an exported network under their names in torch, for `load_state_dict`.

    Raises BadModel if the file contains no such weights.
    """
    try:
        constants = onnx.load(path, load_external_data=False).graph.initializer
    except (OSError, DecodeError) as error:
        raise _no_weights() from error
    weights = {
        constant.name: torch.from_numpy(numpy_helper.to_array(constant).copy())
        for constant in constants
        if constant.name.endswith(WEIGHTS)
    }
    if not weights:
        raise _no_weights()
    return weights


class _Graph:
    """Nodes and constants so far; a node's output has the name of its layer."""

    def __init__(self, network: UNet) -> None:
        self.axes = network.config.dimension
        self.weights = network.state_dict()
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def node(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Adds a node; returns the name of its output."""
        self.nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, values: ArrayLike) -> str:
        """Adds a constant unless it exists; returns its name."""
        if name not in self.constants:
            array = np.ascontiguousarray(values)
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def integers(self, *values: int) -> str:
        """A constant list of integers."""
        return self.constant(f"integers_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def weight(self, layer: Layer, *ends: str) -> list[str]:
        """The layer's weights with these endings, as far as it has them."""
        names = [f"{layer.name}.{end}" for end in ends if f"{layer.name}.{end}" in self.weights]
        return [self.constant(name, self.weights[name].cpu().numpy()) for name in names]


def _convolution(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    graph.node(
        "Conv",
        [*inputs, *graph.weight(layer, "weight", "bias")],
        layer.name,
        kernel_shape=[layer.kernel] * graph.axes,
        pads=[layer.pad] * (2 * graph.axes),
        dilations=[layer.dilation] * graph.axes,
        group=layer.groups,
    )


def _norm(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    weights = graph.weight(layer, "weight", "bias", "running_mean", "running_var")
    graph.node("BatchNormalization", [*inputs, *weights], layer.name, epsilon=1e-5)


def _activation(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    kind = {"relu": "Relu", "leaky_relu": "LeakyRelu", "elu": "Elu", "sigmoid": "Sigmoid"}
    graph.node(kind[layer.function], inputs, layer.name)


def _pool(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    step = 2 if layer.kind == "pool" else 1
    graph.node(
        "MaxPool",
        inputs,
        layer.name,
        kernel_shape=[layer.kernel] * graph.axes,
        strides=[step] * graph.axes,
        pads=[layer.pad] * (2 * graph.axes),
    )


def _up(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    shape = [layer.kernel] * graph.axes
    weights = graph.weight(layer, "weight", "bias")
    graph.node("ConvTranspose", [*inputs, *weights], layer.name, kernel_shape=shape, strides=shape)


def _interpolate(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    scales = graph.constant("twice", np.array([1, 1, *(2,) * graph.axes], np.float32))
    graph.node("Resize", [*inputs, "", scales], layer.name, mode="linear")


def _crop(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    starts, ends, axes = (
        graph.integers(*values)
        for values in (
            (layer.crop,) * graph.axes,
            (-layer.crop,) * graph.axes,
            range(2, 2 + graph.axes),
        )
    )
    graph.node("Slice", [*inputs, starts, ends, axes], layer.name)


def _shuffle(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    order = np.arange(layer.channels).reshape(layer.groups, -1).T.ravel()
    graph.node("Gather", [*inputs, graph.integers(*order)], layer.name, axis=1)


def _average(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    """Adaptive pooling as one matrix product per axis, because ONNX has no node for it.

    The last axis is averaged and moved to the front of the spatial axes, once for each axis.
    """
    if layer.bins == 1:
        graph.node("ReduceMean", [*inputs, graph.integers(*range(2, 2 + graph.axes))], layer.name)
        return
    (values,) = inputs
    order = [0, 1, graph.axes + 1, *range(2, graph.axes + 1)]
    for axis in range(graph.axes):
        name = f"{layer.name}.{axis}"
        parts = _parts(graph, values, layer.bins, name)
        means = graph.node("MatMul", [values, parts], f"{name}.means")
        output = layer.name if axis == graph.axes - 1 else f"{name}.turned"
        values = graph.node("Transpose", [means], output, perm=order)


def _parts(graph: _Graph, values: str, bins: int, name: str) -> str:
    """(n, bins): weights of the last axis's n voxels in each part. Part b runs from b n // bins to
    (b + 1) n / bins rounded up; each of its voxels has the weight 1 / length."""
    number = graph.constant(f"bins_{bins}", np.arange(bins)[None])
    size = graph.node("Shape", [values], f"{name}.size", start=graph.axes + 1)
    count = graph.node("Squeeze", [size], f"{name}.count")
    zero, one = (graph.constant(f"number_{n}", np.array(n)) for n in (0, 1))
    line = graph.node("Range", [zero, count, one], f"{name}.line")
    voxel = graph.node("Unsqueeze", [line, graph.integers(1)], f"{name}.voxel")
    before = graph.node("Mul", [number, size], f"{name}.before")
    low = graph.node("Div", [before, graph.integers(bins)], f"{name}.low")
    after = graph.node("Add", [before, size], f"{name}.after")
    rounded = graph.node("Add", [after, graph.integers(bins - 1)], f"{name}.rounded")
    high = graph.node("Div", [rounded, graph.integers(bins)], f"{name}.high")
    inside = graph.node(
        "And",
        [
            graph.node("GreaterOrEqual", [voxel, low], f"{name}.from"),
            graph.node("Less", [voxel, high], f"{name}.to"),
        ],
        f"{name}.inside",
    )
    length = graph.node("Sub", [high, low], f"{name}.length")
    shares, lengths = (
        graph.node("Cast", [name], f"{name}.float", to=TensorProto.FLOAT)
        for name in (inside, length)
    )
    return graph.node("Div", [shares, lengths], f"{name}.parts")


def _spread(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
    values, like = inputs
    own = graph.node("Shape", [values], f"{layer.name}.own", end=2)
    target = graph.node("Shape", [like], f"{layer.name}.target", start=2)
    size = graph.node("Concat", [own, target], f"{layer.name}.size", axis=0)
    graph.node("Resize", [values, "", "", size], layer.name, mode="linear")


def _simple(kind: str, **attributes: Any) -> Callable[[_Graph, Layer, list[str]], None]:
    def write(graph: _Graph, layer: Layer, inputs: list[str]) -> None:
        graph.node(kind, inputs, layer.name, **attributes)

    return write


NODES: dict[Kind, Callable[[_Graph, Layer, list[str]], None]] = {
    "convolution": _convolution,
    "norm": _norm,
    "activation": _activation,
    "dropout": _simple("Identity"),
    "pool": _pool,
    "maximum": _pool,
    "up": _up,
    "interpolate": _interpolate,
    "crop": _crop,
    "join": _simple("Concat", axis=1),
    "add": _simple("Add"),
    "multiply": _simple("Mul"),
    "shuffle": _shuffle,
    "average": _average,
    "spread": _spread,
}


def _no_weights() -> BadModel:
    return BadModel(
        "The file contains no weights under the names that an export writes.",
        expected="The model.onnx that `tessera export` wrote.",
        hint="Choose that file, or a training's best.pt.",
    )
