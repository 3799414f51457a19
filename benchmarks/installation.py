"""Whole installations on loopback for benchmarks: with servers, or as `tessera up` makes them."""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from benchmarks.parts import Part, Postgres, Redis, Tessera, started
from jobs.settings import Settings
from tests.support.freezing import is_writable

READY_S = 120.0
SETUPS = {
    "servers": "gateway and workers, PostgreSQL, Redis, stored files in a folder",
    "up": "`tessera up` without Redis: SQLite, messages and stored files in a folder",
}


@dataclass(frozen=True)
class Installation:
    """Running parts, and what is needed to use them and to look at them."""

    folder: Path
    gateway: Tessera
    tessera: Sequence[Tessera]
    """The commands of Tessera: gateway and workers, or `tessera up`."""
    servers: Sequence[Part]
    """The other programs."""
    settings: Settings
    """With the same database, broker and folders."""

    @property
    def parts(self) -> Sequence[Part]:
        """All of them."""
        return (*self.tessera, *self.servers)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Tessera uses no processor time, and does not keep SQLite's lock meanwhile."""
        with ExitStack() as stack:
            while True:
                for part in self.tessera:
                    stack.enter_context(part.frozen())
                if is_writable(self.settings.database):
                    break
                stack.pop_all().close()
            yield

    def processor_s(self) -> dict[str, float]:
        """Processor seconds so far by kind of process: gateway, worker, server or up."""
        seconds: dict[str, float] = {}
        for part in self.parts:
            for process in part.processes():
                name = kind_of(part, process)
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    used = times.user + times.system + times.children_user + times.children_system
                    seconds[name] = seconds.get(name, 0.0) + used
        return seconds


def kind_of(part: Part, process: psutil.Process) -> str:
    """What a process of a part is: `gateway`, `worker`, `up`, `postgres` or `redis`."""
    with contextlib.suppress(psutil.NoSuchProcess):
        words = process.cmdline()
        for name in ("gateway", "worker", "up"):
            if name in words:
                return name
    return part.name


@contextlib.contextmanager
def installed(setup: str, workers: int, changes: Mapping[str, str]) -> Iterator[Installation]:
    """An installation in a temporary folder, ready to serve, with `changes` as its environment.

    `setup`: one of SETUPS.
    """
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        environment = {"TESSERA_DEVICE": "cpu", "TESSERA_CACHE": str(folder / "cache"), **changes}
        data = folder / "data"
        if setup == "up":
            environment["TESSERA_BROKER_URL"] = "file://"
            command = f"up --workers {workers}"
            tessera = [Tessera(command, "up", data, 0, environment)]
            servers: list[Part] = []
        else:
            database, broker = Postgres("postgres", folder / "pg"), Redis("redis", folder / "redis")
            servers = [started(database, stack), started(broker, stack)]
            environment |= {
                "TESSERA_DATABASE_URL": database.url, "TESSERA_BROKER_URL": broker.url,
            }  # fmt: skip
            names = ["gateway", *(f"worker-{n}" for n in range(workers))]
            tessera = [
                Tessera(name.partition("-")[0], name, data, 0, environment) for name in names
            ]
        for part in tessera:
            started(part, stack)
        wait_ready(tessera[0])
        known = {
            name.removeprefix("TESSERA_").lower(): value
            for name, value in environment.items()
            if name.startswith("TESSERA_")
        }
        settings = Settings(**{**known, "data": data})  # type: ignore[arg-type]
        yield Installation(folder, tessera[0], tessera, servers, settings)


def wait_ready(gateway: Tessera) -> None:
    """Returns when the gateway can serve."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end and not gateway.ended:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{gateway.address}/readyz", timeout=10).is_success:
                return
        time.sleep(0.1)
    raise SystemExit(f"{gateway.name} did not become ready.")


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
