"""Pictures cut into tiles, each a zip file of this gateway, made when it is first asked for."""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from zipfile import ZipFile

from imaging.errors import Conflict, NotFound, Unavailable
from service.resources.polling_thread import PollingThread

KEEP_S = 3600.0
"""How long a picture is kept that nobody looks at."""
POLL_S = 60.0
_WAITING = 16
"""Pictures that wait to be cut; the machine is too busy for more."""
Make = Callable[[Path, Callable[[float], None]], None]
"""Writes the zip file, and reports the finished share of it, 0 to 1."""


@dataclass(slots=True)
class _Picture:
    made: Future[ZipFile]
    used_at: float = field(default_factory=time.monotonic)
    fraction: float = 0.0


class TileFiles:
    """Cuts one picture at a time. At most `most_bytes` of them are kept, each for `keep_s` after it
    was last looked at, and none beyond the life of the gateway."""

    def __init__(self, folder: Path, most_bytes: int, keep_s: float = KEEP_S) -> None:
        self._folder, self._most_bytes, self._keep_s = folder, most_bytes, keep_s
        self._pictures: dict[str, _Picture] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._cutting = ThreadPoolExecutor(1, "tiles")
        self._expiry = PollingThread("tile expiry", self._expire, POLL_S, "")

    def start(self) -> None:
        """Starts the thread that removes pictures that nobody looks at."""
        self._expiry.start()

    def stop(self) -> None:
        """Ends the thread; the picture that is being cut is given up at its next row of tiles."""
        self._stopped.set()
        self._expiry.stop()
        self._cutting.shutdown(wait=False, cancel_futures=True)

    def ask(self, key: str, make: Make) -> float:
        """The finished share of a picture, 1 when its tiles can be read; has it made if need be.

        `key`: the name of the blob, a hyphen, and what is made of it.
        Raises what `make` raised, once: the next call has it made again. Raises Unavailable while
        many others wait.
        """
        with self._lock:
            picture = self._pictures.get(key) or self._begin(key, make)
        picture.used_at = time.monotonic()
        if not picture.made.done():
            return min(picture.fraction, 0.99)
        try:
            picture.made.result()
        except BaseException:
            self.forget(key)
            raise
        return 1.0

    def tile(self, key: str, name: str) -> bytes:
        """A tile as it is in the zip file; raises NotFound, and Conflict before it is made."""
        picture = self._pictures.get(key)
        if picture is None or not picture.made.done():
            raise _not_cut()
        picture.used_at = time.monotonic()
        try:
            return picture.made.result().read(name)
        except KeyError:
            raise NotFound("The picture has no such tile.") from None
        except ValueError:  # it was removed a moment ago
            raise _not_cut() from None

    def forget(self, key: str) -> None:
        """Removes a picture."""
        with self._lock:
            picture = self._pictures.pop(key, None)
        if picture is not None and picture.made.done() and picture.made.exception() is None:
            picture.made.result().close()

    def contents(self) -> set[str]:
        """The names of the blobs of which there are pictures."""
        return {key.split("-")[0] for key in list(self._pictures)}

    def forget_contents(self, names: Collection[str]) -> None:
        """Removes the pictures made of blobs of these names."""
        for key in [key for key in self._pictures if key.split("-")[0] in names]:
            self.forget(key)

    def _begin(self, key: str, make: Make) -> _Picture:
        if sum(not one.made.done() for one in self._pictures.values()) >= _WAITING:
            raise Unavailable(
                "Many other pictures wait to be cut into tiles.", hint="Try again in a minute."
            )
        picture = self._pictures[key] = _Picture(Future())
        self._cutting.submit(self._make, picture, key, make)
        return picture

    def _make(self, picture: _Picture, key: str, make: Make) -> None:
        def progress(fraction: float) -> None:
            picture.fraction = fraction
            if self._stopped.is_set() or self._pictures.get(key) is not picture:
                raise Unavailable("The picture is not needed any more.", hint="Ask for it again.")

        path = self._folder / f"tiles-{key}"
        try:
            make(path, progress)
            made = ZipFile(path)
        except BaseException as error:  # noqa: BLE001 - reported to those who ask
            picture.made.set_exception(error)
        else:
            picture.made.set_result(made)
            self._make_room(key)
        finally:
            path.unlink(missing_ok=True)  # the open file stays readable, and leaves nothing behind

    def _make_room(self, newest: str) -> None:
        oldest_first = sorted(self._pictures.items(), key=lambda item: item[1].used_at)
        sizes = {key: _size(picture) for key, picture in oldest_first}
        for key, _ in oldest_first:
            if sum(sizes.values()) <= self._most_bytes:
                return
            if key != newest and sizes.pop(key):
                self.forget(key)

    def _expire(self) -> bool:
        limit = time.monotonic() - self._keep_s
        for key, picture in list(self._pictures.items()):
            if picture.made.done() and picture.used_at < limit:
                self.forget(key)
        return False


def _not_cut() -> Conflict:
    return Conflict(
        "The picture is not cut into tiles yet.",
        expected="A picture whose description says `ready`.",
        hint="Ask for the description of its tiles until it is ready.",
    )


def _size(picture: _Picture) -> int:
    if not picture.made.done() or picture.made.exception() is not None:
        return 0
    return sum(one.file_size for one in picture.made.result().infolist())
