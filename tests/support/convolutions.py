"""A network of plain convolutions, built node by node and quick to run."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.card import ModelCard
from models.card_parts import Channel, Intensity, Label


def network(
    folder: Path, name: str, width: int, layers: int = 3, inputs: Sequence[str] = ("image",)
) -> ModelCard:
    """3x3x3 convolutions, `same`: a halo of one each, every size legal, every voxel decided.

    `inputs`: names of its channels.
    """
    rng = np.random.default_rng(7)
    channels = (len(inputs), *(width,) * (layers - 1), 3)
    nodes, weights, last = [], [], "image"
    for n in range(layers):
        kernel = rng.normal(size=(channels[n + 1], channels[n], 3, 3, 3)) / channels[n] ** 0.5
        weights.append(numpy_helper.from_array(kernel.astype(np.float32), f"w{n}"))
        following = "logits" if n == layers - 1 else f"c{n}"
        nodes.append(helper.make_node("Conv", [last, f"w{n}"], [following], pads=[1] * 6))
        last = following
        if n < layers - 1:
            nodes.append(helper.make_node("Relu", [last], [f"r{n}"]))
            last = f"r{n}"
    shape: list[str | int | None] = ["n", len(inputs), "i", "j", "k"]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3, "i", "j", "k"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    card = ModelCard(
        name=name,
        version="1",
        title=name,
        dimension=3,
        channels=tuple(Channel(name=one) for one in inputs),
        labels=(
            Label(value=1, name="a", color="#ff0000"),
            Label(value=2, name="b", color="#0000ff"),
        ),
        outputs=(0, 1, 2),
        intensity=Intensity(kind="none"),
        padding="same",
        halo=(layers,) * 3,
        align=(1, 1, 1),
        minimum=(1, 1, 1),
        exact=True,
        bytes_per_voxel=16.0 * width,
        licence="Apache-2.0",
        sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
    )
    card.save(folder / "card.json")
    return card
