"""How a worker is asked to end: once kindly, twice at once."""

import threading
from types import FrameType
from weakref import WeakSet

from celery.worker import state

from imaging.errors import TesseraError
from inference.brake import Brake


class ShutdownError(TesseraError):
    """The worker was asked to end: its job goes back to the queue."""


class Stop:
    """The first signal lets the current tile finish, the second stops in the middle of it."""

    def __init__(self) -> None:
        self.asked = False
        self._brakes: WeakSet[Brake] = WeakSet()

    def brake(self) -> Brake:
        """A brake for the next run, that the second signal pulls."""
        brake = Brake()
        self._brakes.add(brake)
        return brake

    def check(self) -> None:
        """Raises ShutdownError once asked."""
        if self.asked:
            raise ShutdownError("The worker shuts down.")

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        """For SIGTERM and SIGINT; Celery's consumer ends when it is next idle."""
        if self.asked:
            # Not here: a brake's lock may be held by the very thread that was interrupted.
            for brake in list(self._brakes):
                threading.Thread(target=brake.pull, daemon=True).start()
        self.asked = True
        state.should_stop = 0
