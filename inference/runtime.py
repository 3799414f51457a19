"""ONNX Runtime: which devices this machine has, and networks loaded on them."""

import json
import os
import platform
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from imaging.errors import BadModel, BadRequest, JobLost, Unavailable
from inference.brake import Brake

_PLUGIN = "tessera-openvino"


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs, and how it counts."""

    name: str
    """cpu, openvino, cuda or tensorrt."""
    precision: str
    """fp32, bf16 or fp16."""


@cache
def available() -> tuple[str, ...]:
    """Devices of this machine, best first; the last is always `cpu`."""
    providers = ort.get_available_providers()
    found = []
    if "TensorrtExecutionProvider" in providers:
        found.append("tensorrt")
    if "CUDAExecutionProvider" in providers:
        found.append("cuda")
    if _openvino_devices():
        found.append("openvino")
    return (*found, "cpu")


@cache
def _openvino_devices() -> tuple[Any, ...]:
    """The plug-in's CPU devices; none where it is not installed or does not take this processor.

    (Its releases up to 1.8 offer Intel processors only.)
    """
    try:
        import onnxruntime_ep_openvino as plugin
    except ImportError:
        return ()
    try:
        ort.register_execution_provider_library(_PLUGIN, plugin.get_library_path())
    except Exception:  # noqa: BLE001 - a plug-in that does not load is the same as none
        return ()
    return tuple(
        device
        for device in ort.get_ep_devices()
        if device.ep_name == plugin.get_ep_name() and device.ep_metadata.get("ov_device") == "CPU"
    )


@cache
def _counts_bf16() -> bool:
    """Whether the processor multiplies bf16 in hardware (AVX512-BF16 or AMX)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return platform.machine() == "x86_64" and ("avx512_bf16" in flags or "amx_bf16" in flags)


def choose(device: str, precision: str) -> Device:
    """The device that a wish means here; raises BadRequest where the machine lacks it."""
    name = _best() if device == "auto" else device
    if name not in available():
        raise BadRequest(
            f"This machine has no device '{device}'.",
            expected=f"One of: auto, {', '.join(available())}.",
            todo="Ask for auto, or send the job to a worker that has it.",
        )
    if precision == "auto" and name == "openvino" and _counts_bf16():
        return Device(name, "bf16")
    return Device(name, "fp32")


def _best() -> str:
    """TensorRT is taken only when asked for by name: it compiles for minutes at first."""
    return next(name for name in available() if name != "tensorrt")


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Session:
    """A network on a device; takes (n, c, *spatial) float32, gives (n, outputs, *spatial)."""

    def __init__(self, network: Path, device: Device, threads: int = 0) -> None:
        self.device = device
        self._busy = threading.Lock()
        try:
            self._session = _load(network, device, threads or cores())
        except (BadRequest, Unavailable):
            raise
        except Exception as error:
            raise BadModel(
                f"ONNX Runtime cannot load the network on {device.name}.",
                expected="An ONNX network with opset 22 or lower and operators that it knows.",
                todo="Export the network again, or try another device.",
            ) from error
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0].name

    @property
    def components(self) -> int | None:
        """Input channels, where the network fixes them."""
        return _fixed(self._session.get_inputs()[0].shape, 1)

    @property
    def outputs(self) -> int | None:
        """Output channels, where the network fixes them."""
        return _fixed(self._session.get_outputs()[0].shape, 1)

    @property
    def dimension(self) -> int:
        """Spatial axes of the input."""
        return len(self._session.get_inputs()[0].shape) - 2

    def run(self, image: NDArray[np.float32], brake: Brake | None = None) -> NDArray[np.float32]:
        """Logits of a batch of tiles; raises JobLost when the brake was pulled meanwhile."""
        options = ort.RunOptions()
        brake = brake or Brake()
        brake.on_pull(lambda: setattr(options, "terminate", True))
        try:
            brake.check()
            with self._busy:
                feed = {self._input: np.ascontiguousarray(image, np.float32)}
                (logits,) = self._session.run([self._output], feed, options)
        except JobLost:
            raise
        except Exception as error:
            brake.check()
            raise _run_error(error, image.shape, self.device) from error
        finally:
            brake.on_pull(None)
        return np.asarray(logits, np.float32)


def _fixed(shape: list[Any], axis: int) -> int | None:
    return shape[axis] if isinstance(shape[axis], int) else None


def _run_error(error: Exception, shape: tuple[int, ...], device: Device) -> Exception:
    text = str(error).lower()
    if "alloc" in text or "memory" in text:
        return MemoryError(f"a tile of {shape} did not fit on {device.name}")
    return BadModel(
        f"The network failed on a tile of shape {tuple(shape)} on {device.name}.",
        expected="A network that accepts every size that its card calls legal.",
        todo="Check the card's minimum, align and halo against the network.",
    )


def _load(network: Path, device: Device, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    # A freed tile's memory goes back at once: workers live long and tiles differ in size.
    options.enable_cpu_mem_arena = device.name != "cpu"
    if device.name == "openvino":
        hint = {"bf16": "bf16", "fp32": "f32"}[device.precision]
        config = {"CPU": {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": str(threads)}}
        options.add_provider_for_devices(
            list(_openvino_devices())[:1], {"load_config": json.dumps(config)}
        )
        return ort.InferenceSession(network, options)
    return ort.InferenceSession(network, options, providers=_providers(device))


def _providers(device: Device) -> list[Any]:
    cuda = ("CUDAExecutionProvider", {"use_tf32": "0"})
    known: dict[str, list[Any]] = {
        "cpu": ["CPUExecutionProvider"],
        "cuda": [cuda, "CPUExecutionProvider"],
        "tensorrt": [("TensorrtExecutionProvider", {}), cuda, "CPUExecutionProvider"],
    }
    return known[device.name]
