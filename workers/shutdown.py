"""Shuts a worker down on signals: the first one after the running tile, the second at once."""

import threading
from types import FrameType
from weakref import WeakSet

from celery.worker import state

from imaging.errors import TesseraError
from inference.cancellation import CancelToken


class ShutdownError(TesseraError):
    """The worker shuts down, and its job goes back to the queue."""


class Shutdown:
    """The first signal lets the running tile finish; the second cancels the run."""

    def __init__(self) -> None:
        self.requested = False
        self._tokens: WeakSet[CancelToken] = WeakSet()

    def token(self) -> CancelToken:
        """A token for the next run, which the second signal cancels."""
        token = CancelToken()
        self._tokens.add(token)
        return token

    def check(self) -> None:
        """Raises ShutdownError after the first signal."""
        if self.requested:
            raise ShutdownError("The worker shuts down.")

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """Handles SIGTERM and SIGINT; Celery's consumer ends when it is next idle."""
        if self.requested:
            # In threads: the interrupted thread itself may hold a token's lock.
            for token in list(self._tokens):
                threading.Thread(target=token.cancel, daemon=True).start()
        self.requested = True
        state.should_stop = 0
