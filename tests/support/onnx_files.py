"""Small ONNX files of a few nodes, and folders with a card that states only what is needed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

FREE_2D = ("n", 1, "rows", "columns")


def weights(*shape: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Random weights."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def value(name: str, shape: Sequence[Any] | None, kind: int = TensorProto.FLOAT) -> Any:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, shape)


def network(
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, ArrayLike],
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    opset: int = 18,
    **others: Any,
) -> onnx.ModelProto:
    """By default from `image`, one channel in 2D, to `logits`."""
    graph = helper.make_graph(
        list(nodes),
        "small",
        list(inputs) or [value("image", FREE_2D)],
        list(outputs) or [value("logits", ("n", None, "r", "c"))],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), *others.pop("opsets", ())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **others)


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    """Inputs and outputs separated by spaces; `-` for an input that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(
        kind, names, outputs.split(), name=f"the-{outputs.split()[0]}", **attributes
    )


def convolution() -> onnx.ModelProto:
    """One 3x3 convolution to two outputs: halo 1."""
    return network([node("Conv", "image w", "logits", pads=[1] * 4)], {"w": weights(2, 1, 3, 3)})


def bare_card(axes: int = 2, outputs: int = 2, **fields: Any) -> dict[str, Any]:
    """What no arithmetic can know, and nothing else."""
    return {
        "name": "bare",
        "version": "1",
        "title": "A bare network",
        "channels": [{"name": "image"}],
        "labels": [
            {"value": n, "name": f"l{n}", "color": "#ff0000"} for n in range(1, max(outputs, 2))
        ],
        "outputs": list(range(outputs)),
        "spacing_mm": [1.0] * axes,
        "intensity": {"kind": "none"},
        "licence": "none",
    } | fields


def bare_folder(folder: Path, model: onnx.ModelProto, **fields: Any) -> Path:
    """A folder with the network and a bare card."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "card.json").write_text(json.dumps(bare_card(**fields)))
    return folder
