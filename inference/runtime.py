"""What a runtime is: a library and the hardware that it runs networks on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the gateway reads names and hardware, and imports no code that runs networks
    from inference.networks.network import Network

BUDGET_SHARE = 0.5
"""Share of the free memory that the tiles of one job may use."""


class RuntimeNotStarted(RuntimeError):
    """The library of a runtime does not start on this machine, for any network."""


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory that a runtime's tiles need."""

    free_bytes: Callable[[], float]
    """Returns the bytes that a job can use now."""
    used_bytes: Callable[[Callable[[], object]], int | None]
    """Runs a step and returns the bytes that it needed; None where that cannot be measured."""

    def budget_bytes(self) -> int:
        """Bytes that the tiles of one job may use now."""
        return int(self.free_bytes() * BUDGET_SHARE)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a network is loaded."""

    precision: str
    """fp32, bf16 or fp16."""
    threads: int
    """Processor threads of one run."""
    cache: Path | None = None
    """Folder for compiled networks; None: nothing is kept."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One runtime. Each is in its own file in `inference/runtimes/`."""

    name: str
    """The value of `--device`, `TESSERA_DEVICE` and a job's `options.device`: the name of its file,
    with hyphens instead of underscores."""
    title: str
    """For help texts, such as 'ONNX Runtime on the processor'."""
    hardware: str
    """cpu or gpu. It names the queue whose workers have this hardware."""
    rank: int
    """Speed compared with the other runtimes; no two are equal. `auto` chooses the available one
    with the highest rank. `cpu` comes after all others, whatever their ranks."""
    auto: bool
    """Whether `auto` may choose it; False for a runtime that is slower than `cpu`."""
    available: Callable[[], bool]
    """Returns whether this machine has the library and the hardware."""
    precisions: Callable[[], tuple[str, ...]]
    """Returns what this hardware computes in, shortest first; the last is always fp32."""
    load: Callable[[Path, LoadOptions], "Network"]
    """Loads an ONNX file. Raises RuntimeNotStarted, or the library's own errors; `Session`
    translates them."""
    version: Callable[[], str]
    """Returns the version of the library."""
    hardware_name: Callable[[], str]
    """Returns the name of the hardware, as far as logits depend on it."""
    memory: Memory
    keeps_memory: bool
    """Whether a loaded network keeps the memory of its largest tile for the next one."""
    compiles: bool
    """Whether `load` keeps a compiled network in `LoadOptions.cache` for the next process."""
    identified: bool
    """Whether version and hardware name identify what decides the logits: if so, results of the
    precision check are kept on disk."""
