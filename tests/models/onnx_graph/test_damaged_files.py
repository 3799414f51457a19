"""Damaged files end in a BadModel, or as if nothing were wrong: never in another error."""

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest

from imaging.errors import BadModel
from models.onnx_graph.derive import derive
from models.onnx_graph.network_file import read_network
from models.onnx_graph.servable import check_servable
from tests.support.onnx_files import network, node, weights
from tests.support.random_graphs import random_graph


def refusal(path: Path) -> str:
    """What is wrong with the file; empty if nothing."""
    try:
        file = read_network(path)
        check_servable(file)
        derive(file)
    except BadModel as error:
        return error.detail
    return ""


@pytest.mark.parametrize("seed", range(6))
def test_changed_bytes(seed: int, tmp_path: Path) -> None:
    good, rng = random_graph(seed).SerializeToString(), np.random.default_rng(seed)
    path, refused = tmp_path / "model.onnx", 0
    for _ in range(60):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), 3):
            damaged[place] = rng.integers(0, 256)
        if rng.random() < 0.2:
            damaged = damaged[: rng.integers(0, len(good))]
        path.write_bytes(damaged)
        refused += bool(refusal(path))
    assert refused > 5


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [0, 0]},
        {"strides": [1]},
        {"dilations": [1, 1, 1]},
        {"pads": [1]},
        {"kernel_shape": [2**30, 2**30]},
        {"auto_pad": "SOMEHOW"},
        {"strides": [-1, -1]},
    ],
    ids=str,
)
def test_attributes_that_make_no_sense(attributes: dict[str, object], tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    nodes = [node("Conv", "image w", "logits", **attributes)]
    onnx.save(network(nodes, {"w": weights(2, 1, 3, 3)}), path)
    file = read_network(path)
    with contextlib.suppress(BadModel):
        check_servable(file)
        assert not derive(file).exact or "auto_pad" in attributes


def test_a_shape_of_a_constant_that_its_values_do_not_fill(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    model = network([node("Conv", "image w", "logits")], {"w": weights(2, 1, 3, 3)})
    model.graph.initializer[0].dims[0] = 2**40
    onnx.save(model, path)
    with pytest.raises(BadModel, match=r"constant 'w' of the network is damaged|not valid"):
        check_servable(read_network(path))
