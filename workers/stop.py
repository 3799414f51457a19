"""How a worker is asked to end: once kindly, twice at once."""

import threading
from types import FrameType
from weakref import WeakSet

from celery.worker import state

from imaging.errors import TesseraError
from inference.cancellation import CancelToken


class ShutdownError(TesseraError):
    """The worker was asked to end: its job goes back to the queue."""


class Stop:
    """The first signal lets the current tile finish, the second stops in the middle of it."""

    def __init__(self) -> None:
        self.asked = False
        self._tokens: WeakSet[CancelToken] = WeakSet()

    def token(self) -> CancelToken:
        """A token for the next run, that the second signal pulls."""
        token = CancelToken()
        self._tokens.add(token)
        return token

    def check(self) -> None:
        """Raises ShutdownError once asked."""
        if self.asked:
            raise ShutdownError("The worker shuts down.")

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """For SIGTERM and SIGINT; Celery's consumer ends when it is next idle."""
        if self.asked:
            # Not here: a token's lock may be held by the very thread that was interrupted.
            for token in list(self._tokens):
                threading.Thread(target=token.cancel, daemon=True).start()
        self.asked = True
        state.should_stop = 0
