"""Convolutions in phases give the logits of the convolutions that they replace."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest
import torch

from inference.networks.openvino import capabilities
from inference.networks.phases import in_phases
from models.importers.meshnet.layers import Activation, Convolution, Layer
from models.importers.meshnet.onnx_export import write_onnx

pytestmark = pytest.mark.skipif(not capabilities(), reason="OpenVINO is not installed")


def layer(dilation: tuple[int, ...], channels: tuple[int, int], seed: int) -> Convolution:
    random = np.random.default_rng(seed)
    weight = random.standard_normal((channels[1], channels[0], 3, 3, 3), np.float32)
    return Convolution(weight, random.standard_normal(channels[1], np.float32), dilation)


def network(*dilations: tuple[int, ...]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for seed, dilation in enumerate(dilations):
        layers += [layer(dilation, (3 if seed else 1, 3), seed), Activation("elu")]
    return tuple(layers[:-1])


def read(layers: tuple[Layer, ...], folder: Path) -> Any:
    write_onnx(layers, folder / "model.onnx")
    return openvino.Core().read_model(folder / "model.onnx")


def logits(model: Any, image: Any) -> Any:
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return openvino.Core().compile_model(model, "CPU", config)(image)[0]


def kinds(model: Any) -> list[str]:
    return [node.get_type_name() for node in model.get_ordered_ops()]


@pytest.mark.parametrize("shape", [(16, 16, 16), (9, 17, 30), (1, 8, 23)], ids=str)
@pytest.mark.parametrize(
    "dilations", [((8, 8, 8),), ((1, 1, 1), (8, 8, 8), (16, 16, 16)), ((1, 8, 9),)], ids=str
)
def test_logits_are_those_of_torch(
    dilations: tuple[tuple[int, ...], ...], shape: tuple[int, ...], tmp_path: Path
) -> None:
    layers = network(*dilations)
    whole = read(layers, tmp_path)
    phased = in_phases(whole)
    assert "SpaceToBatch" in kinds(phased)
    assert "SpaceToBatch" not in kinds(whole)
    image = np.random.default_rng(9).standard_normal((2, 1, *shape), np.float32)
    values = torch.from_numpy(image)
    for one in layers:
        if isinstance(one, Convolution):
            values = torch.nn.functional.conv3d(
                values,
                torch.from_numpy(one.weight),
                torch.from_numpy(one.bias),
                padding=one.radius,
                dilation=one.dilation,
            )
        else:
            values = torch.nn.functional.elu(values)
    expected = values.numpy()
    assert np.abs(logits(phased, image) - expected).max() < 1e-5 * np.ptp(expected)


def test_small_dilations_are_left_as_they_are(tmp_path: Path) -> None:
    model = read(network((1, 1, 1), (4, 4, 4)), tmp_path)
    assert in_phases(model) is model


def test_the_logits_differ_where_a_phase_is_planted_wrong(tmp_path: Path) -> None:
    """The comparison above can fail: a network of another dilation is not equal."""
    image = np.random.default_rng(9).standard_normal((1, 1, 20, 20, 20), np.float32)
    one = logits(in_phases(read(network((8, 8, 8)), tmp_path)), image)
    other = logits(in_phases(read(network((9, 9, 9)), tmp_path)), image)
    assert np.abs(one - other).max() > 1e-2 * np.ptp(one)
