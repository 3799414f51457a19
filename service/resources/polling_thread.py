"""A thread that repeats a step: at once while there is work, else after a pause."""

import logging
import threading
from collections.abc import Callable

from imaging.errors import TesseraError
from jobs import problem

logger = logging.getLogger("tessera.service")


class PollingThread:
    """Repeats a step, which returns whether there was work to do, until it is stopped."""

    def __init__(self, name: str, step: Callable[[], bool], poll_s: float, recovery: str) -> None:
        """`recovery`: logged when a fault is over."""
        self._step = step
        self._poll_s = poll_s
        self._recovery = recovery
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._last_fault = ""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; waits up to 5 s for the step that is being made."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(5.0)

    def log_once(self, fault: str) -> None:
        """Logs a fault when it begins and when it ends (""), not at every attempt."""
        if fault != self._last_fault:
            logger.warning("%s", fault or self._recovery)
        self._last_fault = fault

    def _run(self) -> None:
        while not self._stop.wait(self._poll_s):
            try:
                while not self._stop.is_set() and self._step():
                    pass
            except TesseraError as error:
                self.log_once(error.detail)
            except Exception as error:  # noqa: BLE001 - the thread must go on
                problem.logged(error, logger)
