"""A file that shows that a worker lives and that no job of it hangs, for checks by others."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

_BEAT_S = 5.0
"""Seconds between two writes."""


class Heartbeat:
    """A context in which the file is written again and again, from a thread of its own.

    The thread depends on no part of the installation: an outage is no reason to restart a worker.
    """

    def __init__(self, file: Path | None) -> None:
        """`file`: only its time of change matters; None: nothing is written."""
        self._file = file
        self._hangs: Callable[[], bool] = lambda: False
        self._failed = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._file is not None:
            run = partial(self._run, self._file)
            self._thread = threading.Thread(target=run, name="heartbeat", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def pause_while(self, hangs: Callable[[], bool]) -> None:
        """The file is not written while `hangs` is true."""
        self._hangs = hangs

    def _run(self, file: Path) -> None:
        while True:
            if not self._hangs():
                self._write(file)
            if self._over.wait(_BEAT_S):
                return

    def _write(self, file: Path) -> None:
        try:
            file.touch()
        except OSError as error:
            if not self._failed:  # logged once, not every few seconds
                log.warning("the heartbeat cannot be written to %s: %s", file, error.strerror)
            self._failed = True
        else:
            self._failed = False
