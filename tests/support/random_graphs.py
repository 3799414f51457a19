"""Random convolutional networks, built node by node with a seed: what exporters of others write."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, IR_VERSION = 19, 10
FAMILIES = ("u-net", "mesh", "dense", "residual", "valid mesh", "valid u-net")


@dataclass
class Builder:
    """Nodes and weights so far; every method adds a layer and returns its output's name."""

    rng: np.random.Generator
    axes: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)
    widths: dict[str, int] = field(default_factory=lambda: {"image": 1})

    def add(self, kind: str, inputs: list[str], width: int, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, inputs, [name], name=f"layer{len(self.nodes)}", **attributes)
        )
        self.widths[name] = width
        return name

    def constant(self, values: Any) -> str:
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def pick(self, *choices: Any) -> Any:
        return choices[self.rng.integers(len(choices))]

    def kernel(self, *shape: int) -> str:
        return self.constant(self.rng.normal(size=shape).astype(np.float32) * 0.3)

    def activation(self, source: str) -> str:
        kind = self.pick("Relu", "LeakyRelu", "Elu", "Sigmoid", "")
        width = self.widths[source]
        if self.rng.random() < 0.3:
            one = np.ones(width, np.float32)
            stored = [self.constant(one * n) for n in (1.0, 0.1, 0.2, 0.9)]
            source = self.add("BatchNormalization", [source, *stored], width)
        return self.add(kind, [source], width) if kind else source

    def conv(self, source: str, width: int, taps: int = 0, *, padded: bool = True) -> str:
        """Keeps the size if `padded`; the padding may be uneven, the kernel differ by axis."""
        shape = [taps or int(self.pick(1, 2, 3, 3, 5)) for _ in range(self.axes)]
        apart = [int(self.pick(1, 1, 2, 3)) for _ in shape]
        if not padded:  # an output in the middle of its input
            shape = [taps or int(self.pick(1, 3, 3)) for _ in shape]
        missing = [(k - 1) * d for k, d in zip(shape, apart, strict=True)]
        before = [int(self.pick(n // 2, n // 2, n - n // 2, 0)) for n in missing]
        pads = [*before, *(n - b for n, b in zip(missing, before, strict=True))]
        group = 1
        if self.rng.random() < 0.25 and width % self.widths[source] == 0:
            group = self.widths[source]  # depthwise
        weights = self.kernel(width, self.widths[source] // group, *shape)
        output = self.add(
            "Conv", [source, weights], width, kernel_shape=shape, dilations=apart, group=group,
            pads=pads if padded else [0] * 2 * self.axes,
        )  # fmt: skip
        return self.activation(output)

    def down(self, source: str, width: int, steps: list[int]) -> str:
        kind = self.pick("MaxPool", "AveragePool", "Conv", "wide")
        if kind in ("MaxPool", "AveragePool"):
            return self.add(kind, [source], self.widths[source], kernel_shape=steps, strides=steps)
        shape, before = (
            (steps, 0) if kind == "Conv" else ([s + 1 for s in steps], int(self.pick(0, 1)))
        )
        pads = [before] * self.axes + [k - s - before for k, s in zip(shape, steps, strict=True)]
        weights = self.kernel(width, self.widths[source], *shape)
        return self.add(
            "Conv", [source, weights], width, kernel_shape=shape, strides=steps, pads=pads
        )  # fmt: skip

    def up(self, source: str, width: int, steps: list[int], like: str) -> str:
        kind = self.pick("transposed", "wide", "nearest", "linear", "to size")
        if kind == "transposed":
            weights = self.kernel(self.widths[source], width, *steps)
            return self.add(
                "ConvTranspose", [source, weights], width, kernel_shape=steps, strides=steps
            )
        if kind == "wide":  # k = s + 2, padding 1: every output voxel reads several
            shape = [s + 2 for s in steps]
            weights = self.kernel(self.widths[source], width, *shape)
            return self.add(
                "ConvTranspose", [source, weights], width, kernel_shape=shape, strides=steps,
                pads=[1] * 2 * self.axes,
            )  # fmt: skip
        scales = self.constant(np.array([1, 1, *steps], np.float32))
        if kind == "nearest":
            return self.add(
                "Resize", [source, "", scales], self.widths[source], mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            )  # fmt: skip
        if kind == "linear" and set(steps) == {2}:  # every weight of the others is not zero
            return self.add("Resize", [source, "", scales], self.widths[source], mode="linear")
        own = self.add("Shape", [source], 0, end=2)
        target = self.add("Shape", [like], 0, start=2)
        size = self.add("Concat", [own, target], 0, axis=0)
        return self.add("Resize", [source, "", "", size], self.widths[source], mode="nearest")

    def crop(self, source: str, by: list[int]) -> str:
        ends = self.constant(np.array([-n or 2**31 for n in by], np.int64))
        starts = self.constant(np.array(by, np.int64))
        axes = self.constant(np.arange(2, 2 + self.axes))
        return self.add("Slice", [source, starts, ends, axes], self.widths[source])

    def model(self, last: str, outputs: int) -> onnx.ModelProto:
        """The network, with a last layer that every channel feeds."""
        weights = self.kernel(outputs, self.widths[last], *[1] * self.axes)
        logits = self.add("Conv", [last, weights], outputs)
        free = [f"s{n}" for n in range(self.axes)]
        ends = [f"e{n}" for n in range(self.axes)]
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, *free])],
            [helper.make_tensor_value_info(logits, TensorProto.FLOAT, ["n", outputs, *ends])],
            self.weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def random_graph(seed: int) -> onnx.ModelProto:
    """One of six families, in 2D or 3D, with two outputs."""
    rng = np.random.default_rng(seed)
    family = FAMILIES[seed % len(FAMILIES)]
    graph = Builder(rng, axes=2 if seed // len(FAMILIES) % 3 else 3)
    return graph.model(_FAMILIES[family](graph), 2)


def _u_net(graph: Builder) -> str:
    last, skips = graph.conv("image", 2, 3), []
    for _ in range(int(graph.pick(1, 1, 2))):
        steps = [int(graph.pick(2, 2, 2, 1, 3)) for _ in range(graph.axes)]
        skips.append((last, steps))
        last = graph.conv(graph.down(last, 2, steps), 2)
    for skip, steps in reversed(skips):
        raised = graph.up(last, 2, steps, skip)
        if graph.widths[raised] == graph.widths[skip] and graph.rng.random() < 0.4:
            last = graph.add("Add", [skip, raised], 2)
        else:
            joined = graph.widths[skip] + graph.widths[raised]
            last = graph.add("Concat", [skip, raised], joined, axis=1)
        last = graph.conv(last, 2)
    return last


def _mesh(graph: Builder) -> str:
    last = "image"
    for _ in range(int(graph.pick(2, 3, 4))):
        last = graph.conv(last, 2)
    return last


def _dense(graph: Builder) -> str:
    last = graph.conv("image", 2)
    for _ in range(3):
        more = graph.conv(last, 2)
        width = graph.widths[last] + graph.widths[more]
        last = graph.add("Concat", [last, more], width, axis=1)
    return last


def _residual(graph: Builder) -> str:
    last = graph.conv("image", 2)
    for _ in range(3):
        side = graph.conv(graph.conv(last, 2), 2)
        last = graph.activation(graph.add("Add", [last, side], 2))
    return last


def _valid_mesh(graph: Builder) -> str:
    last = "image"
    for _ in range(3):
        last = graph.conv(last, 2, padded=False)
    return last


def _valid_u_net(graph: Builder) -> str:
    skip = graph.conv("image", 2, 3, padded=False)
    steps = [2] * graph.axes
    last = graph.add(
        graph.pick("MaxPool", "AveragePool"), [skip], 2, kernel_shape=steps, strides=steps
    )
    weights = graph.kernel(2, 2, *[3] * graph.axes)
    last = graph.add("Conv", [last, weights], 2)
    up = graph.kernel(2, 2, *steps)
    last = graph.add("ConvTranspose", [last, up], 2, kernel_shape=steps, strides=steps)
    joined = graph.add("Concat", [graph.crop(skip, steps), last], 4, axis=1)
    return graph.conv(joined, 2, padded=False)


_FAMILIES = {
    "u-net": _u_net,
    "mesh": _mesh,
    "dense": _dense,
    "residual": _residual,
    "valid mesh": _valid_mesh,
    "valid u-net": _valid_u_net,
}
