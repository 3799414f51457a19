"""Shuts a worker down: a running job may end within a grace period, or goes back to the queue."""

import os
import signal
import threading
import time
from types import FrameType
from weakref import WeakSet

from celery.worker import state

from imaging.errors import TesseraError
from inference.cancellation import CancelToken


class ShutdownError(TesseraError):
    """The worker shuts down, and its job goes back to the queue."""


class Shutdown:
    """SIGTERM and SIGINT begin the grace period, SIGQUIT ends it.

    A job that will not end within the grace period stops after the running tile; at the end of the
    period every run is cancelled, in the middle of a tile.
    """

    def __init__(self, drain_s: float = 0.0) -> None:
        """`drain_s`: length of the grace period."""
        self._drain_s = drain_s
        self._parent = os.getppid()
        self._ends_at: float | None = None
        self._tokens: WeakSet[CancelToken] = WeakSet()

    @property
    def requested(self) -> bool:
        """Whether the worker was told to stop."""
        return self._ends_at is not None

    @property
    def overdue(self) -> bool:
        """Whether the grace period is over."""
        return self._ends_at is not None and time.monotonic() >= self._ends_at

    def token(self) -> CancelToken:
        """A token for the next run, which is cancelled when the grace period ends."""
        token = CancelToken()
        self._tokens.add(token)
        return token

    def check(self, remaining_s: float) -> None:
        """Raises ShutdownError for a run that needs longer than the grace period lasts."""
        if self._ends_at is not None and time.monotonic() + remaining_s > self._ends_at:
            raise ShutdownError("The worker shuts down.")

    def on_signal(self, number: int, _frame: FrameType | None) -> None:
        """Handles SIGTERM, SIGINT and SIGQUIT; Celery's consumer ends when it is next idle.

        Repeated signals change nothing: a terminal and a supervisor may both send one.
        """
        if number == signal.SIGQUIT:
            self._ends_at = time.monotonic()
            self._in_thread(0.0)
        elif self._ends_at is None:
            drain_s = self._drain_s if os.getppid() == self._parent else 0.0  # nobody would wait
            self._ends_at = time.monotonic() + drain_s
            if drain_s:
                self._in_thread(drain_s)
        state.should_stop = 0

    def _in_thread(self, delay_s: float) -> None:
        """Cancels all runs later: the interrupted thread itself may hold a token's lock."""
        timer = threading.Timer(delay_s, self._cancel_all)
        timer.daemon = True
        timer.start()

    def _cancel_all(self) -> None:
        for token in list(self._tokens):
            token.cancel()
