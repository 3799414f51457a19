"""The memory of the machine: what is free, and what a step needs."""

import ctypes
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from inference.runtime import Memory

_PROCESS = Path("/proc/self")
_RESET = "5"
"""Resets the peak of the resident memory to the present value (proc(5), clear_refs)."""


def free_bytes() -> float:
    """Bytes that the machine or the cgroup has free now, whichever is less."""
    return min(float(psutil.virtual_memory().available), _cgroup_free())


def _cgroup_free(folder: Path = Path("/sys/fs/cgroup")) -> float:
    """Free bytes under a cgroup v2 limit; infinite without one.

    `memory.current` counts cached files too, which the kernel drops when memory is needed.
    """
    try:
        limit = (folder / "memory.max").read_text("ascii").strip()
        used = float((folder / "memory.current").read_text("ascii"))
        stat = (folder / "memory.stat").read_text("ascii")
    except (OSError, ValueError):
        return float("inf")
    if limit == "max":
        return float("inf")
    cached = re.search(r"^inactive_file (\d+)$", stat, re.MULTILINE)
    return float(limit) - used + (float(cached[1]) if cached else 0.0)


def peak_bytes(step: Callable[[], object]) -> int | None:
    """Runs `step` and returns the bytes that it needed at its peak, in addition to what the process
    held before; None where the system does not report this."""
    try:
        _trim_heap()
        (_PROCESS / "clear_refs").write_text(_RESET)
        before = _resident("VmRSS")
        step()
        return max(0, _resident("VmHWM") - before)
    except (OSError, KeyError):
        return None


def _trim_heap() -> None:
    """Gives freed memory back to the system, where the C library can (glibc): a step that used it
    again would seem to need less."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def _resident(line: str) -> int:
    values = re.findall(r"^(\w+):\s+(\d+) kB$", (_PROCESS / "status").read_text(), re.MULTILINE)
    return int(dict(values)[line]) * 1024


PROCESSOR_MEMORY = Memory(free_bytes, peak_bytes)
"""The memory of runtimes that compute on the processor."""
