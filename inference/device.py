"""A device: a runtime of this machine and the precision that it computes in."""

import os
from dataclasses import dataclass

from imaging.errors import BadRequest
from inference.runtime import Runtime
from inference.runtime_registry import ANY_QUEUE, AUTO, available_runtimes, runtime_named


@dataclass(frozen=True, slots=True)
class Device:
    """Where a network runs, and what it computes in."""

    name: str
    """The runtime's."""
    precision: str
    """fp32, bf16 or fp16."""

    @property
    def runtime(self) -> Runtime:
        """Raises BadRequest for an unknown name."""
        return runtime_named(self.name)


def available() -> tuple[str, ...]:
    """Names of this machine's runtimes, fastest first; the last is always `cpu`."""
    return tuple(runtime.name for runtime in available_runtimes())


def choose(device: str, precision: str) -> Device:
    """The device that `device` and `precision` mean on this machine.

    `auto` is the fastest runtime. Any precision but fp32 is the shortest of its hardware; the
    precision check decides later whether a network may use that. Raises BadRequest for a runtime
    that this machine does not have.
    """
    name = _fastest() if device == AUTO else runtime_named(device).name
    if name not in available():
        raise BadRequest(
            f"The runtime '{device}' is not available on this machine.",
            expected=f"One of: {', '.join((AUTO, *available()))}.",
            hint=f"Use {AUTO}, or run the job on a worker that has the runtime.",
        )
    return Device(name, "fp32" if precision == "fp32" else runtime_named(name).precisions()[0])


def _fastest() -> str:
    return next(name for name in available() if runtime_named(name).auto)


def queues_of(device: str) -> tuple[str, ...]:
    """The queues that a worker on this device serves: jobs for any worker, and for its hardware."""
    return (ANY_QUEUE, choose(device, AUTO).runtime.hardware)


def fingerprint(device: Device) -> dict[str, str]:
    """What the logits of a network depend on besides its weights."""
    return {
        "device": device.name,
        "precision": device.precision,
        "runtime": device.runtime.version(),
        "hardware": device.runtime.hardware_name(),
    }


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
