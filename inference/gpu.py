"""What an NVIDIA GPU has free, as its driver tells through NVML."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

INDEX = 0
"""The GPU that networks run on, as CUDA counts: the first that CUDA_VISIBLE_DEVICES shows."""


def free_bytes(index: int = INDEX) -> int | None:
    """Memory that no process holds; None where the driver or its library does not tell."""
    nvml = _library()
    if nvml is None:
        return None
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(_handle(nvml, index)).free)
    except nvml.NVMLError:
        return None


def taken_bytes(step: Callable[[], object], index: int = INDEX) -> int | None:
    """What `step` takes and keeps, as a runtime's pool keeps all that a tile needed; None where
    nobody tells, or where others gave as much back meanwhile."""
    before = free_bytes(index)
    step()
    after = free_bytes(index)
    if before is None or after is None or after >= before:
        return None
    return before - after


@cache
def _library() -> Any:
    """None where `nvidia-ml-py` is not installed, or finds no driver."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _handle(nvml: Any, index: int) -> Any:
    """NVML counts all GPUs, CUDA those alone that it is shown: by number, UUID or MIG UUID."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = shown.split(",") if shown else []
    name = names[index].strip() if index < len(names) else str(index)
    if name.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name)
