"""Jobs under random faults: each must succeed once, with the right mask, and nothing may be left.

    sudo python -P benchmarks/chaos [--seed 1] [--jobs 2000] [--json FILE]

Two gateways, four workers, PostgreSQL, Redis and SeaweedFS on loopback, each on a disk of its own.
Every five seconds one of them, chosen at random, is killed (SIGKILL, and started again after two
seconds), frozen for 20 s (SIGSTOP), or has its disk filled for 20 s. Afterwards all jobs, masks
and stored files are checked, and the time until work went on after each kind of fault is printed.
It needs root for the disks. FILE collects the results of runs with different seeds.
"""

import argparse
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(Path(__file__).parent), str(ROOT), str(ROOT / "benchmarks")]

import httpx  # noqa: E402
from record import load, save  # noqa: E402
from sqlalchemy import select  # noqa: E402
from work import Client, make_scans, problems, right_masks, submit, until  # noqa: E402

from benchmarks.parts import ObjectStore, Part, Postgres, Redis, Tessera, started  # noqa: E402
from imaging.errors import Unavailable  # noqa: E402
from jobs.job import JobState  # noqa: E402
from jobs.repository import Repository  # noqa: E402
from jobs.repository.schema.job_tables import jobs  # noqa: E402
from jobs.settings import Settings  # noqa: E402
from tests.support.convolutions import network  # noqa: E402

EVERY_S = 5.0
LASTS_S = 20.0
PATIENCE_S = 1200.0
MB = 1 << 20


def main() -> None:
    """Exit status 1 if anything is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--scans", type=int, default=40)
    parser.add_argument("--json", type=Path, help="file for the results")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tessera-chaos-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user
    print(f"Logs: {folder}", flush=True)
    with ExitStack() as stack:
        if not options.keep:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        found = run(options, folder, stack)
    for problem in found:
        print(f"WRONG: {problem}")
    sys.exit(bool(found))


@dataclass(frozen=True)
class Service:
    """The parts of a service, each on a disk of its own."""

    database: Postgres
    broker: Redis
    store: ObjectStore
    gateways: list[Tessera]
    workers: list[Tessera]
    settings: Settings
    """For the benchmark's own look at the database and the store."""

    @property
    def parts(self) -> list[Part]:
        """All of them."""
        return [self.database, self.broker, self.store, *self.gateways, *self.workers]


def run(options: argparse.Namespace, folder: Path, stack: ExitStack) -> list[str]:
    """Starts the parts, does the work under faults; returns what is not right."""
    models = folder / "models"
    network(models / "small", "small", 8)
    paths = make_scans(folder / "scans", options.scans)
    right = right_masks(paths, models, folder / "right")
    service = started_service(folder, models, stack)
    known = service.settings
    client = Client([gateway.address for gateway in service.gateways])
    client.call("GET", "/readyz")
    began = time.monotonic()
    faults = Faults(service.parts, options.seed, known, service.gateways)
    stack.callback(faults.stop)  # before the parts stop
    faults.start()
    ids = submit(client, paths, options.jobs)
    done = until(lambda: finished(known) >= options.jobs, PATIENCE_S)
    faults.stop()
    took = time.monotonic() - began
    # What was frozen or full at the last moment gets the time to clean up after itself.
    until(lambda: all(ready(gateway) for gateway in service.gateways), 120)
    time.sleep(40)
    found = [] if done else [f"only {finished(known)} jobs finished within {PATIENCE_S:.0f} s"]
    folders = [part.folder for part in (*service.gateways, *service.workers)]
    found += problems(known, ids, right, options.jobs, folders)
    print(
        f"{options.jobs} jobs in {took:.0f} s, {faults.count} faults; "
        f"answers {dict(client.statuses)}"
    )
    report(options, faults, took, found)
    return found


def started_service(folder: Path, models: Path, stack: ExitStack) -> Service:
    """Starts two gateways, four workers and what they need; `stack` stops them."""
    database = started(Postgres("postgres", folder / "postgres", 1024 * MB), stack)
    broker = started(Redis("redis", folder / "redis"), stack)
    store = started(ObjectStore("store", folder / "store", 2048 * MB), stack)
    store.make_bucket()
    settings = {
        "TESSERA_DATABASE_URL": database.url, "TESSERA_BROKER_URL": broker.url,
        "TESSERA_BLOB_URL": "s3://tessera/chaos", "TESSERA_S3_ENDPOINT": store.endpoint,
        "TESSERA_S3_ACCESS_KEY": "any", "TESSERA_S3_SECRET_KEY": "any",
        "TESSERA_MODELS": str(models), "TESSERA_CACHE": str(folder / "cache"),
        "TESSERA_DEVICE": "cpu", "TESSERA_THREADS": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip

    def tesseras(command: str, number: int) -> list[Tessera]:
        names = [f"{command}-{n}" for n in range(number)]
        return [
            started(Tessera(command, name, folder / name, 64 * MB, settings), stack)
            for name in names
        ]

    known = Settings(
        database_url=database.url, blob_url="s3://tessera/chaos", s3_endpoint=store.endpoint,
        s3_access_key="any", s3_secret_key="any", data=folder / "own",
    )  # fmt: skip
    return Service(database, broker, store, tesseras("gateway", 2), tesseras("worker", 4), known)


def report(options: argparse.Namespace, faults: "Faults", took: float, found: list[str]) -> None:
    """Prints how long work stopped after each kind of fault, and collects the results."""
    rows = [{"seed": options.seed, **row} for row in faults.rows()]
    for row in rows:
        middle, most = median(row["seconds"]), max(row["seconds"])
        print(f"  {row['part']:10} {row['fault']:7} median {middle:6.1f} s   max {most:6.1f} s")
    if options.json:
        told = {"seed": options.seed, "jobs": options.jobs, "seconds": round(took)}
        collect(options.json, rows, {**told, "faults": faults.count, "problems": found})


def collect(path: Path, rows: list[dict[str, Any]], told: dict[str, Any]) -> None:
    """Adds a run to the file; an earlier run with the same seed is replaced."""
    saved: dict[str, Any] = load(path) if path.exists() else {"rows": [], "chaos": []}

    def others(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [run for run in runs if run["seed"] != told["seed"]]

    save(path, [*others(saved["rows"]), *rows], chaos=[*others(saved["chaos"]), told])


def ready(gateway: Tessera) -> bool:
    """Whether it can serve."""
    try:
        return httpx.get(f"{gateway.address}/readyz", timeout=30).is_success
    except httpx.TransportError:
        return False


def finished(settings: Settings) -> int:
    """How many jobs are over; 0 while nobody can tell."""
    repository = Repository(settings.database, 5)
    try:
        counts = repository.figures.read().jobs
    except Unavailable:
        return 0
    finally:
        repository.close()
    return sum(number for state, number in counts.items() if state.final)


class Faults:
    """A thread that disturbs one part after the other."""

    def __init__(
        self, parts: list[Part], seed: int, settings: Settings, gateways: list[Tessera]
    ) -> None:
        self._parts, self._random, self._settings = parts, random.Random(seed), settings
        self._gateways = gateways
        self._over = threading.Event()
        self._busy: set[str] = set()
        self._threads: list[threading.Thread] = []
        self._seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._main = threading.Thread(target=self._run)

    def start(self) -> None:
        self._main.start()

    def stop(self) -> None:
        """Starts no more faults; returns when the last one is over."""
        self._over.set()
        self._main.join()
        for thread in self._threads:
            thread.join()

    @property
    def count(self) -> int:
        return len(self._threads)

    def rows(self) -> list[dict[str, Any]]:
        """For each kind of part and fault: seconds until work went on, one for each fault."""
        return [
            {"part": part, "fault": fault, "seconds": [round(value, 1) for value in seconds]}
            for (part, fault), seconds in sorted(self._seconds.items())
        ]

    def _run(self) -> None:
        while not self._over.wait(EVERY_S):
            self._supervise()
            part = self._random.choice(self._parts)
            fault = self._random.choice(["kill", "frozen", *["full"] * bool(part.disk_bytes)])
            if part.name in self._busy:
                continue
            self._busy.add(part.name)
            print(f"  {time.strftime('%X')} {part.name}: {fault}", flush=True)
            thread = threading.Thread(target=self._disturb, args=(part, fault))
            self._threads.append(thread)
            thread.start()

    def _supervise(self) -> None:
        """Starts parts that ended by themselves."""
        for part in self._parts:
            if part.name not in self._busy and part.ended:
                print(f"  {time.strftime('%X')} {part.name} has ended; started again", flush=True)
                part.start()

    def _disturb(self, part: Part, fault: str) -> None:
        try:
            held = self._held_by(part)
            since = time.time()
            if fault == "kill":
                part.kill()
            else:
                with part.frozen() if fault == "frozen" else part.full():
                    self._over.wait(LASTS_S)
                since = time.time()
            seconds = self._until_work_goes_on(part, held, since)
            if seconds is not None:
                self._seconds[part.name.partition("-")[0], fault].append(seconds)
        finally:
            self._busy.discard(part.name)

    def _held_by(self, part: Part) -> set[str]:
        """Ids of the jobs that a worker runs."""
        pids = {str(process.pid) for process in part.processes()}
        query = select(jobs.c.id, jobs.c.worker).where(jobs.c.state == JobState.RUNNING)
        return {row.id for row in self._rows(query) if row.worker.split(":")[1] in pids}

    def _until_work_goes_on(self, part: Part, held: set[str], since: float) -> float | None:
        """Seconds after `since` until the part's jobs are done, it answers, or any job is done."""
        end = time.monotonic() + 300
        while time.monotonic() < end:
            if part in self._gateways:
                if ready(part):  # type: ignore[arg-type]
                    return time.time() - since
            elif isinstance(part, Tessera):
                if not held:
                    return None
                query = select(jobs.c.finished_at).where(
                    jobs.c.id.in_(held), jobs.c.state == JobState.SUCCEEDED
                )
                done = [row.finished_at for row in self._rows(query)]
                if len(done) == len(held):
                    return max(0.0, max(done) - since)
            else:
                query = select(jobs.c.finished_at).where(jobs.c.finished_at > since).limit(1)
                if self._rows(query):
                    return time.time() - since
            if self._over.is_set() and not held:
                return None
            time.sleep(0.2)
        return 300.0

    def _rows(self, query: object) -> list:  # type: ignore[type-arg]
        repository = Repository(self._settings.database, 5)
        try:
            with repository.database.read() as connection:
                return list(connection.execute(query))  # type: ignore[call-overload]
        except Unavailable:
            return []
        finally:
            repository.close()


if __name__ == "__main__":
    main()
