"""A real gateway: a process of its own, uvicorn on a loopback port, SQLite and files below it."""

import contextlib
import os
import signal
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from jobs.repository import Repository
from jobs.settings import Settings
from tests.support.ports import free_port
from tests.support.processes import Process, environment, start_tessera

UPLOAD_LIMIT = 4 << 20
"""Bytes that the shared gateway accepts in one upload."""
START_S = 120.0
"""How long a gateway may take to start."""


@dataclass
class Gateway:
    """A running gateway, seen from outside and from its disk."""

    process: Process
    port: int
    data: Path
    log: Path
    settings: Settings
    tls: ssl.SSLContext | None = None
    """With which clients trust the gateway; None: HTTP."""
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        scheme = "http" if self.tls is None else "https"
        self.client = httpx.Client(
            base_url=f"{scheme}://127.0.0.1:{self.port}", timeout=60, verify=self.tls or True
        )

    def upload(self, content: bytes, name: str = "scan") -> httpx.Response:
        return self.client.post("/v1/scans", files={"files": (name, content)})

    def scan(self, content: bytes, name: str = "scan") -> str:
        """The id of an upload that must succeed."""
        answer = self.upload(content, name)
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def job(self, **request: Any) -> dict[str, Any]:
        answer = self.client.post("/v1/jobs", json=request)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def kept(self) -> tuple[set[Path], int]:
        """All files of blobs and scratch (locks aside), and how many scans can be seen."""
        files = {
            path.relative_to(self.data)
            for folder in ("blobs", "tmp")
            for path in (self.data / folder).rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        return files, len(self.client.get("/v1/scans?limit=200").json()["scans"])

    def age(self, files: Iterable[Path]) -> None:
        """Makes these blob files older than any grace period."""
        for path in files:
            os.utime(self.data / path, (1, 1))

    def peak_bytes(self) -> int:
        """Peak resident memory since `forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) << 10

    def forget_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    @contextlib.contextmanager
    def repository(self) -> Iterator[Repository]:
        repository = Repository(self.settings.database)
        try:
            yield repository
        finally:
            repository.close()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)


def start(
    data: Path,
    prelude: str = "",
    tls: ssl.SSLContext | None = None,
    **settings: str,
) -> Gateway:
    """Starts a gateway over `data`; `prelude` is Python that its process runs first. `tls`: with
    which clients trust it, if the settings name a certificate. Its port is free, or that of
    the settings."""
    port = int(settings.pop("port", "0")) or free_port()
    env = environment(data, port, **settings)
    data.mkdir(parents=True, exist_ok=True)
    log = data.parent / f"{data.name}-{port}.log"
    process = start_tessera("gateway", env, log, prelude)
    known = Settings(
        data=data,
        broker_url="file://",
        models=settings.get("models"),
        database_url=settings.get("database_url", ""),
    )
    gateway = Gateway(process, port, data, log, known, tls)
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(httpx.TransportError):
            if gateway.client.get("/healthz").status_code == 200:
                return gateway
        time.sleep(0.05)
    gateway.stop(signal.SIGKILL)
    raise AssertionError(f"The gateway did not start:\n{log.read_text()}")


Start = Callable[..., Gateway]
"""Type of the fixture `start_gateway`."""
