"""A network that labels the voxels above 0.5: its mask shows where its input came from."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.card import ModelCard
from models.registry import Model, Registry


def threshold_network(folder: Path, **facts: Any) -> Model:
    """One convolution of one voxel, in `folder`; `facts` are those of its card that differ."""
    weights = np.array([0, 1], np.float32).reshape(2, 1, 1, 1, 1)
    axes: list[str | int | None] = ["n", 1, "i", "j", "k"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "w", "b"], ["logits"])],
        "threshold",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, axes)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 2, *axes[2:]])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(np.array([0, -0.5], np.float32), "b"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    place = folder / "threshold"
    place.mkdir(parents=True)
    onnx.save(model, place / "model.onnx")
    usual = {
        "name": "threshold",
        "version": "1",
        "title": "threshold",
        "dimension": 3,
        "channels": [{"name": "image"}],
        "labels": [{"value": 1, "name": "above", "color": "#ff0000"}],
        "outputs": [0, 1],
        "padding": "same",
        "halo": [0, 0, 0],
        "align": [1, 1, 1],
        "minimum": [1, 1, 1],
        "exact": True,
        "licence": "none",
        "sha256": hashlib.sha256((place / "model.onnx").read_bytes()).hexdigest(),
    }
    ModelCard.model_validate(usual | facts).save(place / "card.json")
    return Registry(folder, zoo=folder / "none").network("threshold")
