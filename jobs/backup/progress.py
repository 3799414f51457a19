"""What a backup or a restore reports while it works."""

from typing import Protocol


class Progress(Protocol):
    """Called by one thread."""

    def begin(self, work: str, files: int | None = None) -> None:
        """The next step of the work, and how many files it has; None: unknown."""

    def advance(self, size: int) -> None:
        """One more file is done, of which this many bytes were read or written."""
