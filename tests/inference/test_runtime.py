"""Every device that this machine has: the same logits, stopped at once, clear about what fails."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.errors import BadModel, BadRequest, JobLost
from inference.cancellation import CancelToken
from inference.device import Device, available, choose, fingerprint
from inference.networks import openvino
from inference.networks.onnx_runtime import converted_to_fp16
from inference.networks.session import Session
from inference.runtime import LoadOptions
from inference.runtime_registry import available_runtimes, runtime_named
from inference.runtimes import cuda, tensorrt
from models.nets.config import UNetConfig
from models.registry import Model

DEVICES = [Device(name, "fp32") for name in available()]
FLAT = UNetConfig.of_widths((4, 6, 8), dimension=2, out_channels=3, padding="same")
MANY = UNetConfig.of_widths((4, 6), dimension=2, out_channels=30, padding="same")
SOLID = UNetConfig.of_widths((4, 6), dimension=3, in_channels=3, out_channels=2)
HEAVY = UNetConfig.of_widths((48, 64), dimension=3, out_channels=2, padding="same")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


@pytest.fixture(params=DEVICES, ids=lambda device: device.name)
def device(request: pytest.FixtureRequest) -> Device:
    return request.param


@pytest.mark.parametrize(
    ("name", "config", "sizes"),
    [
        ("flat", FLAT, [(1, 1, 64, 96), (3, 1, 32, 32), (1, 1, 64, 96)]),
        ("many", MANY, [(1, 1, 32, 40), (2, 1, 16, 16), (1, 1, 32, 40)]),
        ("solid", SOLID, [(1, 3, 28, 30, 34), (2, 3, 20, 20, 22), (1, 3, 28, 30, 34)]),
    ],
)
def test_all_devices_give_the_same_logits(
    make_model: Callable[..., Model], device: Device, name: str, config: UNetConfig, sizes: Any
) -> None:
    """Of one size after another and batches, none of which spoils what was given before."""
    model = make_model(f"runtime-{name}", config)
    session, exact = Session(model.verified, device), Session(model.verified, Device("cpu", "fp32"))
    assert (session.dimension, session.components) == (config.dimension, config.in_channels)
    assert session.outputs == config.out_channels
    found = [session.run(noise(*size)) for size in sizes]
    for size, features in zip(sizes, found, strict=True):
        logits, expected = session.logits(features), exact.logits(exact.run(noise(*size)))
        np.testing.assert_allclose(logits, expected, atol=1e-5 * float(np.ptp(expected)))
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.skipif(
    not openvino.capabilities(), reason="OpenVINO is not installed or does not run here"
)
@pytest.mark.parametrize(("config", "made"), [(MANY, 4), (FLAT, 3)])
def test_openvino_leaves_a_last_layer_of_many_outputs_for_later(
    make_model: Callable[..., Model], config: UNetConfig, made: int
) -> None:
    """A strip's logits are those of the whole, to the bit."""
    name = f"runtime-{'many' if made == 4 else 'flat'}"
    session = Session(make_model(name, config).verified, Device("openvino", "fp32"))
    features = session.run(noise(1, 1, 48, 56))
    assert features.shape == (1, made, 48, 56)
    whole = session.logits(features)
    assert whole.shape[1] == session.outputs == config.out_channels
    for strip in ((..., slice(0, 1), slice(None)), (..., slice(7, 30), slice(11, 12))):
        np.testing.assert_array_equal(session.logits(features[strip]), whole[strip])


@pytest.mark.skipif(
    not openvino.capabilities(), reason="OpenVINO is not installed or does not run here"
)
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_openvino_rounds_alike_whatever_the_tile(
    make_model: Callable[..., Model], precision: str
) -> None:
    """Not within rounding: to the bit, so that no tie is ever decided by the tiling."""
    if precision == "bf16" and "BF16" not in openvino.capabilities():
        precision = "fp32"  # emulated elsewhere, and nobody is offered it
    model = make_model("runtime-flat", FLAT)
    session = Session(model.verified, Device("openvino", precision))
    image = noise(1, 1, 192, 160)
    whole = session.run(image)
    part = session.run(image[..., 32:160, 16:144])
    inner = (..., slice(48, 80), slice(48, 80))  # farther than the halo from every cut
    np.testing.assert_array_equal(part[inner], whole[..., 80:112, 64:96])


@pytest.mark.slow
def test_a_tile_is_stopped_in_its_middle(make_model: Callable[..., Model], device: Device) -> None:
    session, token = Session(make_model("heavy", HEAVY).verified, device), CancelToken()
    session.run(noise(1, 1, 8, 8, 8))
    image = noise(1, 1, 80, 80, 80)
    threading.Timer(0.2, token.cancel).start()
    began = time.monotonic()
    with pytest.raises(JobLost):
        session.run(image, token)
    stopped = time.monotonic() - began
    began = time.monotonic()
    session.run(image)  # and goes on with the next
    assert stopped < time.monotonic() - began
    with pytest.raises(JobLost):
        session.run(image, token)


def test_what_a_network_does_not_take_is_said_without_its_runtimes_words(
    make_model: Callable[..., Model], device: Device, tmp_path: Path
) -> None:
    session = Session(make_model("runtime-flat", FLAT).verified, device)
    with pytest.raises(BadModel, match=r"failed on a tile of shape \(1, 2, 32, 32\)"):
        session.run(noise(1, 2, 32, 32))
    torn = tmp_path / "torn.onnx"
    torn.write_bytes(make_model("runtime-flat", FLAT).network.read_bytes()[:2000])
    with pytest.raises(BadModel, match="cannot be loaded"):
        Session(torn, device)


def test_what_is_compiled_is_kept_where_that_can_be(
    make_model: Callable[..., Model], device: Device, tmp_path: Path
) -> None:
    """A folder that cannot be made, or a file in it that was torn, costs time alone."""
    model, image = make_model("runtime-flat", FLAT), noise(1, 1, 32, 32)
    expected = Session(model.verified, device).run(image)
    (tmp_path / "file").write_text("")
    for cache in (tmp_path / "file" / "cache", tmp_path / "cache"):
        np.testing.assert_array_equal(
            Session(model.verified, device, cache=cache).run(image), expected
        )
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert bool(kept) == runtime_named(device.name).compiles
    for path in kept:
        path.write_bytes(path.read_bytes()[:100])
    session = Session(model.verified, device, cache=tmp_path / "cache")
    np.testing.assert_array_equal(session.run(image), expected)


def test_auto_is_the_best_of_them() -> None:
    best = next(runtime.name for runtime in available_runtimes() if runtime.auto)
    assert choose("auto", "fp32") == Device(best, "fp32")
    assert available()[-1] == "cpu"
    if openvino.capabilities():
        least = "bf16" if "BF16" in openvino.capabilities() else "fp32"
        assert choose("openvino", "auto").precision == least
    with pytest.raises(BadRequest, match="no runtime 'tpu'"):
        choose("tpu", "auto")


def test_a_gpu_counts_in_fp16_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.device.available", lambda: ("tensorrt", "cuda", "cpu"))
    assert choose("auto", "auto") == Device("cuda", "fp16")
    assert choose("tensorrt", "auto") == Device("tensorrt", "fp16")
    assert choose("cuda", "fp32") == Device("cuda", "fp32")
    assert choose("cpu", "auto") == Device("cpu", "fp32")


def test_a_network_in_fp16_gives_nearly_the_same(
    make_model: Callable[..., Model], tmp_path: Path
) -> None:
    """What CUDA would run, here on the processor: the file itself says what is computed in."""
    model = make_model("runtime-flat", FLAT)
    path = tmp_path / "half.onnx"
    path.write_bytes(converted_to_fp16(model.network))
    assert path.stat().st_size < model.network.stat().st_size
    cpu, image = Device("cpu", "fp32"), noise(1, 1, 64, 96)
    expected, found = Session(model.verified, cpu).run(image), Session(path, cpu).run(image)
    difference = np.abs(found - expected).max() / np.ptp(expected)
    assert 0 < difference < 5e-3


def test_tensorrt_keeps_its_engines(tmp_path: Path) -> None:
    for precision, enabled in (("fp16", "1"), ("fp32", "0")):
        (name, options), *_ = tensorrt.providers(LoadOptions(precision, 1, tmp_path))
        assert name == "TensorrtExecutionProvider"
        assert options["trt_fp16_enable"] == enabled
        assert Path(options["trt_engine_cache_path"]).is_dir()
    assert [name for name, *_ in cuda.providers()[:1]] == ["CUDAExecutionProvider"]


def test_a_fingerprint_tells_devices_apart(device: Device) -> None:
    told = fingerprint(device)
    assert told["device"] == device.name
    assert all(told.values())
    assert told != fingerprint(Device(device.name, "bf16"))
