"""What the audit trail costs, and whether many writers make one chain.

    python -P benchmarks/audit.py [--requests 2000] [--events 10000] [--json FILE]

Starts two gateways over the same kind of database, one with `TESSERA_AUDIT=off`, and sends both the
same requests in alternating blocks: the state of a job, which is not recorded; downloads of a scan,
of which the first is recorded; downloads of many scans, each recorded; and cancellations of jobs,
whose events are stored before the response. Processor times are those of the gateway.

Blocks differ by what else the machine does; so the time that the middleware itself adds to a
request is measured in this process, too.

Then several processes, each with its own connections and an audit writer as in a gateway, append
events to one trail at once, from several threads, and the trail is verified. Both parts run for
SQLite and PostgreSQL.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import httpx
import nibabel
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from gateway_process import free_port, started  # noqa: E402
from queue_depth import database  # noqa: E402
from record import save  # noqa: E402

from jobs.audit.verification import verify  # noqa: E402
from jobs.repository import Repository  # noqa: E402
from service.auth import Permission, Principal  # noqa: E402
from service.http.audit_trail import AuditTrail  # noqa: E402
from service.http.permissions import CALLER, RequestCaller  # noqa: E402
from service.resources.audit_writer import AuditWriter  # noqa: E402
from service.use_cases.audit_recorder import AuditRecorder  # noqa: E402
from tests.support.audited import SIGNER, audit_event  # noqa: E402

MODEL = "hippocampus-mri-3d"
DATABASES = ("sqlite", "postgresql")
BLOCK = 25
"""Requests to one gateway before the other one has its turn."""
SCANS = 50
WRITERS, THREADS = 4, 8
"""Processes that append at once, and threads of each that wait for their events."""
Row = dict[str, Any]


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000, help="of each kind; 0: none")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows: list[Row] = [middleware()]
    for name in options.databases:
        rows += cost(name, options.requests) if options.requests else []
        rows.append(chain(name, options.events))
    if options.json:
        save(options.json, rows)


def middleware() -> Row:
    """Microseconds that the middleware adds to a request for the state of a job, and to a repeated
    view, with an application that answers at once."""
    caller = RequestCaller(Permission.JOBS_READ, Principal("reader 1", "ada"))
    writer: Any = SimpleNamespace(add=lambda _: None)  # a repeated view is not written
    state = SimpleNamespace(services={AuditRecorder: AuditRecorder(writer)})

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def send(_message: Any) -> None:
        pass

    async def times(template: str, permission: Permission) -> float:
        scope = {
            "type": "http",
            "method": "GET",
            "route": SimpleNamespace(path=template),
            "path_params": {"job_id": "5" * 32},
            "client": ("192.0.2.7", 1),
            "app": SimpleNamespace(state=state),
            CALLER: replace(caller, permission=permission),
        }
        both: list[list[float]] = [[], []]
        for _ in range(50):
            for seconds, one in zip(both, (app, AuditTrail(app)), strict=True):
                start = time.perf_counter()
                for _ in range(200):
                    await one(scope, None, send)  # type: ignore[arg-type]
                seconds.append((time.perf_counter() - start) / 200)
        return 1e6 * (min(both[1]) - min(both[0]))

    async def all_times() -> Row:
        return {
            "state_us": round(await times("/v1/jobs/{job_id}", Permission.JOBS_READ), 2),
            "view_us": round(await times("/v1/jobs/{job_id}/mask", Permission.RESULTS_READ), 2),
        }

    row = asyncio.run(all_times())
    print(
        f"The middleware adds {row['state_us']} µs to the state of a job, {row['view_us']} µs to a "
        "view.",
        flush=True,
    )
    return row


@dataclass
class Gateway:
    """A gateway, and what its requests took."""

    client: httpx.Client
    process: int
    scans: list[str]
    jobs: list[str]
    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def block(self, paths: list[tuple[str, str]]) -> None:
        """Sends the requests one after the other."""
        before = processor_ms(self.process)
        for method, path in paths:
            start = time.perf_counter()
            self.client.request(method, path).raise_for_status()
            self.seconds.append(time.perf_counter() - start)
        self.processor.append((processor_ms(self.process) - before) / len(paths))


def processor_ms(process: int) -> float:
    """Processor milliseconds of the threads of a process so far, to the nanosecond; Linux only."""
    files = Path(f"/proc/{process}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in files) / 1e6


def cost(name: str, requests: int) -> list[Row]:
    """A row for each kind of request, with the trail and without it."""
    with contextlib.ExitStack() as stack:
        pair = [stack.enter_context(gateway(name, audit, requests)) for audit in ("off", "on")]
        kinds: dict[str, Callable[[Gateway, int], tuple[str, str]]] = {
            "state of a job": lambda one, _: ("GET", f"/v1/jobs/{one.jobs[-1]}"),
            "the same scan": lambda one, _: ("GET", f"/v1/scans/{one.scans[0]}/volume"),
            "other scans": lambda one, n: ("GET", f"/v1/scans/{one.scans[n]}/volume"),
            "cancel a job": lambda one, n: ("POST", f"/v1/jobs/{one.jobs[n]}/cancel"),
        }
        return [measured(name, kind, pair, path, requests) for kind, path in kinds.items()]


def measured(
    name: str,
    kind: str,
    pair: list[Gateway],
    path: Callable[[Gateway, int], tuple[str, str]],
    requests: int,
) -> Row:
    """Medians of single requests, and over blocks of the processor time of a request, of both."""
    for one in pair:
        one.block([("GET", "/v1/jobs")] * BLOCK)
        one.seconds, one.processor = [], []
    count = len(pair[0].scans) if kind == "other scans" else requests
    count = min(count, len(pair[0].jobs) - 1) if kind == "cancel a job" else count
    for start in range(0, count, BLOCK):
        numbers = range(start, min(start + BLOCK, count))
        for one in pair if start % (2 * BLOCK) else pair[::-1]:
            one.block([path(one, number) for number in numbers])
    off, on = ([1e3 * value for value in one.seconds] for one in pair)
    off_cpu, on_cpu = (median(one.processor) for one in pair)
    row = {
        "database": name,
        "request": kind,
        "count": count,
        "off_ms": round(median(off), 3),
        "on_ms": round(median(on), 3),
        "off_cpu_ms": round(off_cpu, 3),
        "on_cpu_ms": round(on_cpu, 3),
    }
    more, more_cpu = median(on) / median(off) - 1, on_cpu / off_cpu - 1
    print(
        f"{name:12} {kind:16} {count:6} times   {row['off_ms']:8.3f} -> {row['on_ms']:8.3f} ms "
        f"({more:+.1%})   processor {row['off_cpu_ms']:7.3f} -> {row['on_cpu_ms']:7.3f} ms "
        f"({more_cpu:+.1%})",
        flush=True,
    )
    return row


@contextlib.contextmanager
def gateway(name: str, audit: str, requests: int) -> Iterator[Gateway]:
    """A gateway without a worker, with some scans and many waiting jobs."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
        environment = {
            "TESSERA_DATA": folder,
            "TESSERA_DATABASE_URL": url,
            "TESSERA_BROKER_URL": "file://",
            "TESSERA_PORT": str(port),
            "TESSERA_AUDIT": audit,
        }
        command = [Path(sys.executable).parent / "tessera", "gateway"]
        with started(command, port, environment) as (client, process):
            scans = [upload(client, number) for number in range(SCANS)]
            jobs = [
                job
                for start in range(0, requests // 4 + 1, 500)
                for job in order(client, scans[0], min(500, requests // 4 + 1 - start))
            ]
            yield Gateway(client, process, scans, jobs)


def upload(client: httpx.Client, number: int) -> str:
    """The id of a small volume that differs from others."""
    voxels = np.random.default_rng(number).integers(0, 1000, (24, 24, 24), np.int16)
    content = nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes()
    answer = client.post("/v1/scans", files={"files": ("scan.nii", content)})
    return str(answer.raise_for_status().json()["id"])


def order(client: httpx.Client, scan: str, count: int) -> list[str]:
    """Ids of new jobs."""
    job = {"model": MODEL, "scan": scan}
    answer = client.post("/v1/batches", json={"jobs": [job] * count}).raise_for_status()
    return list(answer.json()["jobs"])


def chain(name: str, events: int) -> Row:
    """Several processes append at once; raises SystemExit if that is not one chain."""
    with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
        with contextlib.closing(Repository(url)) as repository:
            repository.migrate()
        each = events // WRITERS
        spawn = multiprocessing.get_context("spawn")
        ready = spawn.Barrier(WRITERS + 1)
        processes = [
            spawn.Process(target=write, args=(url, number, each, ready))
            for number in range(WRITERS)
        ]
        for process in processes:
            process.start()
        ready.wait()
        begin = time.perf_counter()
        for process in processes:
            process.join()
        seconds = time.perf_counter() - begin
        with contextlib.closing(Repository(url)) as repository:
            begin = time.perf_counter()
            result = verify(repository.audit, [SIGNER])
            verified_s = time.perf_counter() - begin
    if result.findings or result.events != each * WRITERS:
        raise SystemExit(f"{name}: {result.events} events, {result.findings}")
    print(
        f"{name:12} {result.events:,} events by {WRITERS} processes with {THREADS} threads each: "
        f"one chain, {result.checkpoints} checkpoints, {result.events / seconds:,.0f} events/s; "
        f"verified in {verified_s:.2f} s",
        flush=True,
    )
    return {
        "database": name,
        "events": result.events,
        "writers": WRITERS,
        "threads": THREADS,
        "seconds": round(seconds, 3),
        "verified_s": round(verified_s, 3),
    }


def write(url: str, number: int, count: int, ready: Any) -> None:
    """Appends events as a gateway does: threads wait for their event, as requests do."""
    with contextlib.closing(Repository(url)) as repository:
        writer = AuditWriter(repository.audit, SIGNER)
        writer.start()
        ready.wait()

        def requests(thread: int) -> None:
            for event in range(thread, count, THREADS):
                if not writer.write([audit_event(number * count + event)]).result(60):
                    raise SystemExit("An event was not stored.")

        threads = [threading.Thread(target=requests, args=(thread,)) for thread in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        writer.stop()


if __name__ == "__main__":
    main()
