"""An NVIDIA GPU: whether there is one, and its memory as the driver reports it through NVML."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from inference import memory
from inference.runtime import Memory

INDEX = 0
"""The GPU that networks run on, as CUDA counts: the first in CUDA_VISIBLE_DEVICES."""
UNREPORTED_BYTES = 4 << 30
"""Assumed to be free on a GPU that reports nothing: the smallest in use have it, and where it is
not there, smaller tiles are tried."""
_ROOT = Path("/")
_DEVICE_FILES = ("nvidia[0-9]*", "nvhost-gpu", "nvgpu*")
"""Files in /dev of a driver for a PCI device, and of one for a GPU on the same chip."""
_PCI_VENDOR, _PCI_DISPLAY = "0x10de", "0x03"
"""NVIDIA's vendor ID, and the first byte of the class of a display controller."""


def present() -> bool:
    """Whether the machine has a GPU that CUDA_VISIBLE_DEVICES does not hide, even if its driver
    does not work."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None and shown.split(",")[0].strip() in ("", "-1"):
        return False
    return _reported() or _has_device_file() or _has_pci_device()


def free_bytes(index: int = INDEX) -> int | None:
    """Free memory of a GPU; None where the driver or its library does not report it."""
    nvml = _library()
    if nvml is None:
        return None
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(_handle(nvml, index)).free)
    except nvml.NVMLError:
        return None


def used_bytes(step: Callable[[], object], index: int = INDEX) -> int | None:
    """Runs `step` and returns the memory that it used and keeps: a runtime's pool keeps all that a
    tile needed. None where this is not reported, or where others released as much meanwhile."""
    before = free_bytes(index)
    step()
    after = free_bytes(index)
    if before is None or after is None or after >= before:
        return None
    return before - after


def _free_for_tiles() -> float:
    """Tiles come from the machine's memory and go back to it, so that both limits hold."""
    reported = free_bytes()
    return min(memory.free_bytes(), UNREPORTED_BYTES if reported is None else reported)


def _reported() -> bool:
    nvml = _library()
    if nvml is None:
        return False
    try:
        return bool(nvml.nvmlDeviceGetCount())
    except nvml.NVMLError:
        return False


def _has_device_file() -> bool:
    return any(any((_ROOT / "dev").glob(pattern)) for pattern in _DEVICE_FILES)


def _has_pci_device() -> bool:
    """Whether the system lists a GPU, which it does without a driver. Linux only."""
    return any(
        _text(device / "vendor") == _PCI_VENDOR and _text(device / "class").startswith(_PCI_DISPLAY)
        for device in (_ROOT / "sys" / "bus" / "pci" / "devices").glob("*")
    )


def _text(path: Path) -> str:
    """The content of a small file; empty where it cannot be read."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


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
    """NVML counts all GPUs, CUDA only those it is shown: by number, UUID or MIG UUID."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = shown.split(",") if shown else []
    name = names[index].strip() if index < len(names) else str(index)
    if name.isdecimal():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name)


GPU_MEMORY = Memory(_free_for_tiles, used_bytes)
"""The memory of runtimes that compute on a GPU."""
