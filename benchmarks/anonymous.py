"""Measures the anonymous memory of this process: memory that is not backed by a file."""

import threading
from pathlib import Path


class PeakMemory:
    """The highest anonymous resident size since creation, sampled twenty times per second."""

    def __init__(self) -> None:
        self._highest, self._stopped = 0, threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Stops sampling; returns the highest size in bytes."""
        self._stopped.set()
        self._thread.join()
        return self._highest

    def _sample(self) -> None:
        while not self._stopped.wait(0.05):
            status = Path("/proc/self/status").read_text()
            (line,) = (line for line in status.splitlines() if line.startswith("RssAnon"))
            self._highest = max(self._highest, int(line.split()[1]) * 1024)
