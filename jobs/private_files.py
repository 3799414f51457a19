"""Keeps what Tessera stores to the user that runs it, whatever the umask."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

log = logging.getLogger(__name__)

SECRETS = ("audit.key", "pseudonyms.key")
"""Files of the data folder that a backup does not contain: with them, its content says more."""
CONTENT = (
    *("blobs", "broker", "cache", "inbox", "logs", "models", "refused", "tmp"),
    "trainings",
    *("tessera.db", "tessera.db-journal", "tessera.db-shm", "tessera.db-wal"),
    *(*SECRETS, "up.lock"),
)
"""Everything that Tessera makes in a data folder."""
_OF_THE_DISK = "lost+found"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keep_private(data: Path) -> None:
    """Makes every file private that this process creates from now on (folders 0700, files 0600).

    Also takes the access of others away from a data folder that an earlier version created. Links
    in it, files that are not Tessera's, and a data folder that holds such files keep their modes. A
    data folder with the set-group-ID bit is shared with its group on purpose: the group keeps its
    access.
    """
    mask = _mask(data)
    os.umask(mask)
    try:
        if data.is_dir():
            _close(data, mask)
    except OSError as error:
        log.warning(
            "the data folder %s could not be made private: %s. Let it belong to the user that "
            "runs Tessera.",
            *(data, error.strerror),
        )


@contextmanager
def creating_private(data: Path) -> Iterator[None]:
    """A context in which the files that this process creates are private as `keep_private` says."""
    before = os.umask(_mask(data))
    try:
        yield
    finally:
        os.umask(before)


def private_cache(folder: Path) -> Path:
    """Creates the cache folder, which only this user can enter; one that exists keeps its mode."""
    with suppress(OSError):  # it exists, or nothing can be kept
        folder.mkdir(parents=True)
        folder.chmod(stat.S_IRWXU)
    return folder


def _mask(data: Path) -> int:
    """The umask for files in the data folder."""
    try:
        shared = data.stat().st_mode & stat.S_ISGID
    except OSError:  # it does not exist, or the next write to it reports the error
        shared = 0
    return stat.S_IRWXO if shared else _OTHERS


def _close(data: Path, mask: int) -> None:
    with os.scandir(data) as entries:
        names = {entry.name for entry in entries}
    foreign = names.difference(CONTENT, (_OF_THE_DISK,))
    paths = [data / name for name in CONTENT if name in names]
    changed = sum(_restrict(path, mask) for top in paths for path in _open_tree(top, mask))
    if not foreign:
        changed += _restrict(data, mask)
    elif data.stat().st_mode & mask:
        log.warning(
            "the data folder %s can be read by others and holds files that are not Tessera's, so "
            "its mode is left alone. What Tessera stores in it is private. Give Tessera a folder "
            "of its own, or run: chmod 700 %s",
            *(data, data),
        )
    if changed:
        log.warning(
            "the data folder %s was open to other users: its files are private now (%d changed)",
            *(data, changed),
        )


def _open_tree(top: Path, mask: int) -> Iterator[Path]:
    """`top`, and all that is in it unless `top` is a closed folder; the folder before its files."""
    mode = top.lstat().st_mode
    yield top
    if not stat.S_ISDIR(mode) or not mode & mask:
        return
    for folder, folders, files in os.walk(top):
        yield from (Path(folder, name) for name in (*folders, *files))


def _restrict(path: Path, mask: int) -> bool:
    """Takes the access in `mask` away; False where that changes nothing."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & mask:
            return False
        path.chmod(stat.S_IMODE(mode) & ~mask)
    except FileNotFoundError:  # another process removed it
        return False
    return True
