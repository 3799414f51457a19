"""Base of the background tasks that repeat a step."""

from abc import ABC, abstractmethod

from service.resources.polling_thread import PollingThread


class PollingTask(ABC):
    """A task whose `step` is repeated by a thread of its own; see `PollingThread`."""

    def __init__(self, name: str, poll_s: float, recovery: str) -> None:
        """`recovery`: logged when a fault is over."""
        self._thread = PollingThread(name, self.step, poll_s, recovery)

    @abstractmethod
    def step(self) -> bool:
        """Does one piece of work; False if there is no more for now."""

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; waits up to 5 s for the step that is being made."""
        self._thread.stop()
