"""Instance norm in fp32 is as precise for large images as for small ones."""

from typing import Any

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from inference.networks.openvino import capabilities
from inference.networks.precise_norm import with_precise_norm

pytestmark = pytest.mark.skipif(not capabilities(), reason="OpenVINO is not installed")
EPSILON = 1e-5
CHANNELS = 3


def network(axes: int, eps_mode: str = "INSIDE_SQRT", variance: bool = True) -> Any:
    image = ops.parameter([-1, CHANNELS, *[-1] * axes], np.float32)
    over = ops.constant(np.arange(2, 2 + axes))
    norm = ops.mvn(image, over, variance, EPSILON, eps_mode)
    return openvino.Model([norm], [image], "norm")


def output(model: Any, image: Any) -> Any:
    config = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    return openvino.Core().compile_model(model, "CPU", config)(image)[0]


def expected(image: Any, eps_mode: str = "INSIDE_SQRT") -> Any:
    wide = image.astype(np.float64)
    over = tuple(range(2, wide.ndim))
    centred = wide - wide.mean(over, keepdims=True)
    variance = (centred**2).mean(over, keepdims=True)
    inside = eps_mode == "INSIDE_SQRT"
    return centred / (np.sqrt(variance + EPSILON) if inside else np.sqrt(variance) + EPSILON)


def scan(*shape: int) -> Any:
    values = np.random.default_rng(0).standard_normal((2, CHANNELS, *shape), np.float32)
    return values * np.float32(3) + np.float32(5)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(128, 128, 128), (1536, 1400)], ids=str)
def test_large_images(shape: tuple[int, ...]) -> None:
    image, whole = scan(*shape), network(len(shape))
    exact = expected(image)
    error = np.abs(output(with_precise_norm(whole), image) - exact).max()
    assert error < 3e-6
    assert np.abs(output(whole, image) - exact).max() > 5 * error, "the kernel is precise itself"


@pytest.mark.parametrize("eps_mode", ["INSIDE_SQRT", "OUTSIDE_SQRT"])
@pytest.mark.parametrize("shape", [(6, 7, 9), (1, 1, 1), (1, 8, 1), (31, 5)], ids=str)
def test_small_images(shape: tuple[int, ...], eps_mode: str) -> None:
    image, whole = scan(*shape), network(len(shape), eps_mode)
    precise = with_precise_norm(whole)
    assert "MVN" not in {node.get_type_name() for node in precise.get_ordered_ops()}
    assert "MVN" in {node.get_type_name() for node in whole.get_ordered_ops()}
    np.testing.assert_allclose(output(precise, image), expected(image, eps_mode), atol=2e-6)


def test_images_of_a_batch_do_not_affect_each_other() -> None:
    precise, image = with_precise_norm(network(3)), scan(20, 24, 28)
    together = output(precise, image)
    np.testing.assert_array_equal(together[1:], output(precise, image[1:]))


def group_network(axes: int, groups: int) -> Any:
    """As group norm of torch is exported: (n, groups, voxels) and back."""
    image = ops.parameter([-1, 4, *[-1] * axes], np.float32)
    grouped = ops.reshape(image, np.array([0, groups, -1]), True)
    norm = ops.mvn(grouped, np.array([2]), True, EPSILON, "INSIDE_SQRT")
    return openvino.Model([ops.reshape(norm, ops.shape_of(image), False)], [image], "groups")


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(
    "shape", [(5, 7, 9), (1, 1, 1), (12, 31), pytest.param((112, 96, 96), marks=pytest.mark.slow)],
    ids=str,
)  # fmt: skip
def test_group_norm(shape: tuple[int, ...], groups: int) -> None:
    image = np.random.default_rng(0).standard_normal((2, 4, *shape), np.float32) + np.float32(2)
    precise = with_precise_norm(group_network(len(shape), groups))
    assert "MVN" not in {node.get_type_name() for node in precise.get_ordered_ops()}
    exact = expected(image.reshape(2, groups, -1)).reshape(image.shape)
    np.testing.assert_allclose(output(precise, image), exact, atol=4e-6)


@pytest.mark.parametrize("model", [network(1), network(3, variance=False)], ids=["line", "mean"])
def test_other_norms_are_unchanged(model: Any) -> None:
    assert with_precise_norm(model) is model
