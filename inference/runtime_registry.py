"""The runtimes: found in `inference/runtimes/`, so that adding a file there adds a runtime.

Names, hardware and queues can be read where no runtime is installed, as in a gateway: a runtime's
file imports its library only when the library is used.
"""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Literal, get_args

from imaging.errors import BadRequest
from inference import runtimes
from inference.runtime import Runtime

AUTO = "auto"
"""The device name that picks the best runtime of a worker's machine."""
Precision = Literal["auto", "fp32"]
"""auto: the shortest that the network tolerates on the device."""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
ANY_QUEUE = "any"
"""The queue of jobs that any worker can run."""
REFERENCE = "cpu"
"""The runtime that every machine has: networks are verified on it, and run on it if no other
runtime loads them."""


@cache
def all_runtimes() -> tuple[Runtime, ...]:
    """All runtimes, fastest first and `cpu` last, whether this machine has them or not."""
    names = [module.name for module in pkgutil.iter_modules(runtimes.__path__)]
    modules = [import_module(f"{runtimes.__name__}.{name}") for name in names]
    listed: list[Runtime] = [module.RUNTIME for module in modules]
    return tuple(sorted(listed, key=lambda one: (one.name == REFERENCE, -one.rank)))


def runtime_named(name: str) -> Runtime:
    """Raises BadRequest for an unknown name."""
    for runtime in all_runtimes():
        if runtime.name == name:
            return runtime
    raise BadRequest(
        f"There is no runtime '{name}'.",
        expected=f"One of: {', '.join(device_names())}.",
        hint="Choose one of these, or leave the device out.",
    )


@cache
def available_runtimes() -> tuple[Runtime, ...]:
    """The runtimes of this machine, fastest first."""
    return tuple(runtime for runtime in all_runtimes() if runtime.available())


def device_names() -> tuple[str, ...]:
    """What a user can choose: `auto`, then each runtime."""
    return (AUTO, *(runtime.name for runtime in reversed(all_runtimes())))


def device_help() -> str:
    """One sentence that lists the choices, for help and API texts."""
    listed = [f"{runtime.name} ({runtime.title})" for runtime in reversed(all_runtimes())]
    return f"Runtime: {AUTO} (the fastest of the machine), {', '.join(listed)}."


def queue_names() -> tuple[str, ...]:
    """All queues: one for jobs that any worker can run, and one for each kind of hardware."""
    return (ANY_QUEUE, *sorted({runtime.hardware for runtime in all_runtimes()}))


def queue_for(device: str) -> str:
    """The queue whose workers can run a job for this device; raises BadRequest."""
    return ANY_QUEUE if device == AUTO else runtime_named(device).hardware
