"""Lets one worker at a time prepare networks on a machine: two would measure each other."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def machine_turn(folder: Path) -> Iterator[bool]:
    """A context in which no other process that uses `folder` has its turn; False: another has it.

    Where the folder cannot be written to, nothing is kept in it and every process has its turn.
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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
