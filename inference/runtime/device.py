"""Which devices this machine has, best first, and what a wish means here."""

import os
import platform
from dataclasses import dataclass
from functools import cache

import onnxruntime as ort

from imaging.errors import BadRequest
from inference.runtime import openvino


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs, and how it counts."""

    name: str
    """cpu, openvino, cuda or tensorrt."""
    precision: str
    """fp32, bf16 or fp16."""

    @property
    def on_gpu(self) -> bool:
        """Whether its memory is a GPU's."""
        return self.name in ("cuda", "tensorrt")


@cache
def available() -> tuple[str, ...]:
    """Devices of this machine, best first; the last is always `cpu`."""
    providers = ort.get_available_providers()
    found = []
    if "TensorrtExecutionProvider" in providers:
        found.append("tensorrt")
    if "CUDAExecutionProvider" in providers:
        found.append("cuda")
    if openvino.capabilities():
        found.append("openvino")
    return (*found, "cpu")


def choose(device: str, precision: str) -> Device:
    """The device that a wish means here, with the least precision that its hardware counts in.

    Whether a network may use that is the gate's to say. Raises BadRequest where the machine lacks
    the device.
    """
    name = _best() if device == "auto" else device
    if name not in available():
        raise BadRequest(
            f"This machine has no device '{device}'.",
            expected=f"One of: auto, {', '.join(available())}.",
            hint="Ask for auto, or send the job to a worker that has it.",
        )
    return Device(name, _least(name) if precision == "auto" else "fp32")


def _least(name: str) -> str:
    if name in ("cuda", "tensorrt"):
        return "fp16"
    return "bf16" if name == "openvino" and "BF16" in openvino.capabilities() else "fp32"


def _best() -> str:
    """TensorRT is taken only when asked for by name: it compiles for minutes at first."""
    return next(name for name in available() if name != "tensorrt")


def fingerprint(device: Device) -> dict[str, str]:
    """What a network's logits depend on beside its weights: runtime, hardware, precision."""
    return {
        "device": device.name,
        "precision": device.precision,
        "runtime": openvino.version() if device.name == "openvino" else ort.__version__,
        "hardware": openvino.processor() if device.name == "openvino" else platform.machine(),
    }


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
