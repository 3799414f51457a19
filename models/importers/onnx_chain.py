"""Builds an ONNX file of a chain of layers, for importers that know their source's layers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 10


class OnnxChain:
    """Nodes from `image` to `logits`, one after another, with free batch and spatial sizes."""

    def __init__(self, opset: int = 18) -> None:
        self._opset = opset
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self.last = "image"
        """Name of the last node's output."""

    def constant(self, name: str, values: ArrayLike) -> str:
        """Adds a weight, float32; returns its name."""
        array = np.ascontiguousarray(values, np.float32)
        self._weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, name: str, weights: Sequence[str] = (), **attributes: Any) -> None:
        """Adds a node that reads the output of the last one, and weights."""
        node = helper.make_node(kind, [self.last, *weights], [name], name, **attributes)
        self._nodes.append(node)
        self.last = name

    def save(self, path: Path, channels: int, outputs: int, axes: int = 3) -> None:
        """Checks the graph and writes it to one file."""
        self._nodes[-1].output[0] = "logits"
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size, *dims[:axes]])
            for name, size, dims in (("image", channels, "ijk"), ("logits", outputs, "xyz"))
        ]
        graph = helper.make_graph(self._nodes, "imported", ends[:1], ends[1:], self._weights)
        opsets = [helper.make_opsetid("", self._opset)]
        model = helper.make_model(graph, ir_version=IR_VERSION, opset_imports=opsets)
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
