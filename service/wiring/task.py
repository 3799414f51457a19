"""Task: what runs beside the requests of a gateway."""

from typing import Protocol


class Task(Protocol):
    """A thread or child process."""

    def start(self) -> None:
        """Starts it."""

    def stop(self) -> None:
        """Ends it."""
