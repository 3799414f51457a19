"""How a worker's process ended, and what that means for its jobs."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ON_PURPOSE = {
    *(signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT),
}
"""Signals that somebody sends to end a process."""


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """The end of a worker's process."""

    status: int
    """Its exit status; negative: the signal that ended it."""
    out_of_memory: bool = False
    """The system's memory killer was at work meanwhile."""

    @property
    def on_purpose(self) -> bool:
        """Whether it ended as it was told, or was killed by somebody: no job's fault."""
        by_memory_killer = self.out_of_memory and self.status == -signal.SIGKILL
        return self.status == 0 or (-self.status in _ON_PURPOSE and not by_memory_killer)

    @property
    def problem(self) -> Mapping[str, Any]:
        """The RFC 9457 problem of a job that the worker ran when it ended not on purpose."""
        if self.status == -signal.SIGKILL:
            return {
                "type": "urn:tessera:worker-out-of-memory",
                "title": "Worker out of memory",
                "status": 507,
                "detail": "The system killed the worker while it ran the job, because the memory "
                "of the machine or container was used up.",
                "expected": "Enough memory for the scan, its mask and one tile, in addition to "
                "what other programs use.",
                "hint": "Give the worker more memory, or set TESSERA_MEMORY_BYTES to less. Then "
                "retry the job.",
            }
        return {
            "type": "urn:tessera:worker-crashed",
            "title": "Worker crashed",
            "status": 500,
            "detail": f"The worker ended with {self.name} while it ran the job.",
            "expected": "A worker that runs until the mask is stored.",
            "hint": "Retry the job. If the worker ends again, report the model and the worker's "
            "log to your administrator.",
        }

    @property
    def name(self) -> str:
        """`SIGSEGV`, or `exit status 3`."""
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return signal.Signals(-self.status).name
        except ValueError:
            return f"signal {-self.status}"
