"""A folder that one running command uses at a time."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from imaging.errors import BadRequest, Conflict


@contextmanager
def locked_folder(folder: Path, name: str, in_use: Conflict, option: str) -> Iterator[None]:
    """Creates the folder and locks its file `name`, until the process ends in whichever way.

    Raises `in_use` if another process has the lock, and BadRequest if the folder, which the user
    gave with `option`, cannot be written to.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = stack.enter_context((folder / name).open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise in_use from None
        except OSError as error:
            raise BadRequest(
                f"The folder {folder} cannot be written to: {error.strerror}.",
                expected="A folder that this user can create or write to.",
                hint=f"Give another folder with {option}.",
            ) from error
        yield
