"""Lets one process at a time prepare networks on a machine: two would measure each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def machine_turn(folder: Path, *, wait: bool = False) -> Iterator[bool]:
    """A context in which no other process that uses `folder` has its turn; False: another has it.

    `wait`: enters it when the other's turn has ended, so that it never yields False. Where the
    folder cannot be written to, nothing is kept in it and every process has its turn.
    """
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        file = (folder / "preparation.lock").open("w")
    except OSError:
        yield True
        return
    with file:  # closing it releases the lock
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
