"""A small network with instance norm, in torch and as ONNX with the same weights."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from models.card import ModelCard
from models.registry import Model

WIDTH = 8
SLOPE = 0.01
NNUNET = {
    "patch": [16, 12, 20], "step": 0.5, "step_rule": "spread", "weights": "gaussian_fp16",
    "mirror_axes": [0, 1, 2],
}  # fmt: skip
MONAI = {"patch": [16, 12, 20], "step": 0.75, "step_rule": "fixed", "weights": "gaussian"}


class InstanceNormNetwork(nn.Module):
    """Two convolutions with instance norm, a strided path for context, and a last layer."""

    def __init__(self, axes: int, channels: int, outputs: int, seed: int = 5) -> None:
        super().__init__()
        torch.manual_seed(seed)
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[axes]
        norm = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}[axes]
        self.channels, self.outputs = channels, outputs
        self.body = nn.Sequential(
            conv(channels, WIDTH, 3, padding=1),
            norm(WIDTH, affine=True),
            nn.LeakyReLU(SLOPE),
            conv(WIDTH, WIDTH, 3, padding=1),
            norm(WIDTH, affine=True),
            nn.LeakyReLU(SLOPE),
            conv(WIDTH, outputs, 1),
        )
        with torch.no_grad():
            for layer in (self.body[1], self.body[4]):
                nn.init.uniform_(layer.get_parameter("weight"), 0.5, 1.5)
                nn.init.uniform_(layer.get_parameter("bias"), -0.5, 0.5)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.body(image)
        return logits


def as_onnx(network: InstanceNormNetwork, axes: int) -> bytes:
    """The same layers, node by node, with free batch and sizes."""
    nodes, weights, last = [], [], "image"
    for number, layer in enumerate(network.body.children()):
        following = "logits" if number == len(network.body) - 1 else f"x{number}"
        inputs, attributes = [last], dict[str, Any]()
        for name, value in layer.named_parameters():
            inputs.append(f"{number}.{name}")
            weights.append(numpy_helper.from_array(value.detach().numpy(), inputs[-1]))
        kind = type(layer).__name__.rstrip("23d")
        if kind == "Conv":
            attributes["pads"] = [int(n) for n in layer.padding] * 2
        operator = {"Conv": "Conv", "InstanceNorm": "InstanceNormalization"}.get(kind, "LeakyRelu")
        if operator == "LeakyRelu":
            attributes["alpha"] = SLOPE
        nodes.append(helper.make_node(operator, inputs, [following], **attributes))
        last = following
    spatial = [*"ijk"[:axes]]
    graph = helper.make_graph(
        nodes,
        "instance-norm",
        [
            helper.make_tensor_value_info(
                "image", TensorProto.FLOAT, ["n", network.channels, *spatial]
            )
        ],
        [
            helper.make_tensor_value_info(
                "logits", TensorProto.FLOAT, ["n", network.outputs, *spatial]
            )
        ],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def instance_norm_model(
    folder: Path, windows: dict[str, Any], axes: int = 3, outputs: int = 4, **facts: Any
) -> tuple[Model, InstanceNormNetwork]:
    """A model in `folder` that runs in windows, and its torch network."""
    channels = facts.pop("channels", [{"name": "image"}])
    slicewise = bool(windows.get("slicewise"))
    own_axes = axes - int(slicewise)
    inputs = sum(len(channel.get("label_values", "1")) for channel in channels)
    network = InstanceNormNetwork(own_axes, inputs, outputs).eval()
    data = as_onnx(network, own_axes)
    numbers = range(1, outputs)
    card = {
        "name": folder.name, "version": "1", "title": "random weights, for tests",
        "dimension": axes, "channels": channels, "outputs": list(range(outputs)),
        "labels": [{"value": n, "name": f"l{n}", "color": "#ff0000"} for n in numbers],
        "intensity": {"kind": "none"}, "padding": "same", "halo": [0] * axes, "align": [1] * axes,
        "minimum": [1] * axes, "exact": False, "licence": "none", "windows": windows,
        "bytes_per_voxel": 200.0, "sha256": hashlib.sha256(data).hexdigest(),
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(data)
    served = ModelCard.model_validate(card | facts)
    served.save(folder / "card.json")
    return Model(served, folder), network


def run_torch(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """(n, channels, *spatial) -> (n, outputs, *spatial)"""
    with torch.inference_mode():
        return network(torch.from_numpy(np.ascontiguousarray(image, np.float32))).numpy()


MakeWindowed = Callable[..., tuple[Model, InstanceNormNetwork]]
"""`windowed(windows, **facts)`: a model and its torch network."""
