"""A real RabbitMQ server, from Debian's package or from the PATH.

Each server has an Erlang port mapper (epmd), a cookie and a database of its own, all on loopback,
so that several can run on one machine and nothing is left when they end.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kombu.connection import Connection
from kombu.exceptions import KombuError

from inference.runtime_registry import queue_names
from tests.support.ports import free_port

ON_RABBITMQ = pytest.param(
    "rabbitmq", marks=[pytest.mark.system, pytest.mark.xdist_group("rabbitmq")]
)
"""A fixture's parameter, for which it requests the fixture `rabbitmq`."""
START_S = 180.0
"""How long a server may take to answer; usually some seconds."""
CONSUMER_TIMEOUT_S = 5
"""How long a consumer may hold a message. RabbitMQ's default of 30 minutes is the same case."""
_DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The one on Debian's PATH wants to run as another user."""
_CONFIG = f"""[{{rabbit, [
    {{consumer_timeout, {CONSUMER_TIMEOUT_S * 1000}}},
    {{channel_tick_interval, 3000}}
]}}]."""
_ERLANG = "-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none"


class RabbitMQ:
    """A RabbitMQ server on a loopback port, which keeps persistent messages when it is killed."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.port, self.names_port, self.nodes_port = (free_port() for _ in range(3))
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.process: subprocess.Popen[bytes] | None = None
        (folder / "advanced.config").write_text(_CONFIG)
        self._names: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        if self._names is None:
            words = ["epmd", "-port", str(self.names_port), "-address", "127.0.0.1"]
            self._names = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        with (self.folder / "rabbitmq.log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.program],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + START_S
        while not self._answers():
            said = (self.folder / "rabbitmq.log").read_text()[-4000:]
            assert self.process.poll() is None, f"RabbitMQ ended before it answered.\n{said}"
            assert time.monotonic() < end, f"RabbitMQ does not answer after {START_S:g} s.\n{said}"
            time.sleep(0.1)

    def kill(self) -> None:
        """Kills the server as a power cut would."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def end(self) -> None:
        """Kills the server and its port mapper."""
        self.kill()
        if self._names is not None:
            self._names.kill()
            self._names.wait()

    def empty(self) -> None:
        """Deletes every queue of Tessera."""
        with Connection(self.url) as connection:
            channel = connection.channel()
            for name in queue_names():
                channel.queue_delete(name)
                channel.exchange_delete(name)

    def _answers(self) -> bool:
        connection = Connection(self.url, connect_timeout=5)
        try:
            connection.connect()
            connection.channel()
        except (KombuError, *connection.connection_errors, *connection.channel_errors):
            return False
        finally:
            with suppress(Exception):
                connection.release()
        return True

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        settings = {
            "NODENAME": f"tessera-{self.port}@localhost",
            "NODE_IP_ADDRESS": "127.0.0.1",
            "NODE_PORT": self.port,
            "DIST_PORT": self.nodes_port,
            "MNESIA_BASE": self.folder / "mnesia",
            "LOG_BASE": self.folder,
            "LOGS": "-",
            "ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "CONF_ENV_FILE": self.folder / "rabbitmq-env.conf",
            "CONFIG_FILE": self.folder / "rabbitmq",
            "ADVANCED_CONFIG_FILE": self.folder / "advanced.config",
            "GENERATED_CONFIG_DIR": self.folder / "config",
            "PID_FILE": self.folder / "pid",
            "SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
        }
        named = {f"RABBITMQ_{name}": str(value) for name, value in settings.items()}
        erlang = {"HOME": str(self.folder), "ERL_EPMD_PORT": str(self.names_port)}
        return kept | named | erlang


def rabbitmq_server() -> Path | None:
    """RabbitMQ's start script, or None."""
    found = str(_DEBIAN) if _DEBIAN.exists() else shutil.which("rabbitmq-server")
    return Path(found) if found and shutil.which("epmd") else None


@pytest.fixture(scope="session")
def rabbitmq_process() -> Iterator[RabbitMQ]:
    """A server that runs for the whole session: it takes seconds to start."""
    program = rabbitmq_server()
    if program is None:
        pytest.skip("RabbitMQ is not installed (Debian's package rabbitmq-server)")
    with tempfile.TemporaryDirectory(prefix="tessera-rabbitmq-") as folder:
        server = RabbitMQ(program, Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.end()


@pytest.fixture
def rabbitmq(rabbitmq_process: RabbitMQ) -> RabbitMQ:
    """A running, empty RabbitMQ server that the test may kill."""
    server = rabbitmq_process
    if server.process is None or server.process.poll() is not None:
        server.start()
    server.empty()
    return server
