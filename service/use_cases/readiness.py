"""Readiness: whether database, broker, blob store and disk can serve."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imaging.errors import StorageFull, Unavailable
from jobs.blobs import Blobs
from jobs.queue import Queue
from jobs.repository import Repository
from service.resources.scratch import Scratch

MIN_FREE_BYTES = 256 << 20
"""With less free disk space the gateway is not ready, which shows before uploads fail."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Checks the parts that the gateway depends on."""

    repository: Repository
    queue: Queue
    blobs: Blobs
    scratch: Scratch

    def check(self) -> dict[str, str]:
        """Part -> `ok`, or what is wrong with it."""
        checks: Mapping[str, Callable[[], None]] = {
            "database": self.repository.ping,
            "broker": self.queue.ping,
            "blobs": self.blobs.ping,
            "disk": self._check_disk,
        }
        return {part: _outcome(check) for part, check in checks.items()}

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.scratch.folder).free
        if free < MIN_FREE_BYTES:
            raise StorageFull(f"Only {free:,} bytes are free.")


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except Unavailable as error:
        return error.detail
    return "ok"
