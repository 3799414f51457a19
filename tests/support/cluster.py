"""A data folder with a model, a scan, a broker, and real workers in process groups of their own."""

import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import nibabel as nib
import numpy as np

from inference.runtime_registry import queue_names
from jobs.blobs import open_blobs
from jobs.job import Job, JobState, Options
from jobs.queue import Queue
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from models.card import ModelCard
from tests.support.convolutions import network
from tests.support.freezing import is_writable
from tests.support.migrated import migrated
from tests.support.ports import free_port
from tests.support.processes import Process, environment, start_tessera
from tests.support.waiting import PATIENCE_S, until

_SHARED = ("database_url", "blob_url", "s3_endpoint", "s3_access_key", "s3_secret_key")
"""Settings of parts that are not in the data folder."""


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


class Worker:
    """`tessera worker`, in a process group of its own; its log goes to a file."""

    def __init__(self, settings: Settings, log: Path, prelude: str = "", **changes: str) -> None:
        """`prelude` is Python that its process runs first."""
        self.log = log
        variables = environment(
            settings.data,
            broker_url=settings.broker_url,
            lease_s=str(settings.lease_s),
            sweep_interval_s=str(settings.sweep_interval_s),
            max_attempts=str(settings.max_attempts),
            redis_visibility_s="86400",
            device="cpu",
            threads="1",
            drain_s="0",
        )
        shared = {name: str(getattr(settings, name)) for name in _SHARED if getattr(settings, name)}
        parts = {f"TESSERA_{name.upper()}": value for name, value in shared.items()}
        env = {**variables, **parts, **changes}
        self.process = start_tessera("worker", env, log, prelude, group=True)

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def ready(self) -> bool:
        assert self.process.poll() is None, self.said
        return ": ready" in self.said

    @property
    def name(self) -> str:
        """What it calls itself in a job's row."""
        found = re.findall(r"worker (\S+): ready", self.said)
        return found[-1] if found else ""

    @property
    def child(self) -> int:
        """Id of the process that runs the jobs."""
        return int(re.findall(r"worker [^:]+:(\d+):\S+: ready", self.said)[-1])

    def signal(self, number: signal.Signals) -> None:
        """To the whole group."""
        os.killpg(self.process.pid, number)

    def freeze(self) -> None:
        """Returns when every thread of it is stopped."""
        self.signal(signal.SIGSTOP)
        until(lambda: self.stopped)

    @property
    def stopped(self) -> bool:
        """Whether SIGSTOP has stopped every thread of the process that runs jobs."""
        threads = Path(f"/proc/{self.child}/task").glob("*/status")
        return all("\nState:\tT" in thread.read_text() for thread in threads)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> int:
        """Asks it to end and waits for it; its exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


def noise(path: Path, size: int, seed: int | None = None) -> Path:
    """A cube of noise, the same every time."""
    rng = np.random.default_rng(size if seed is None else seed)
    voxels = rng.normal(size=(size, size, size)).astype(np.float32)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), path)
    return path


class Cluster:
    """A data folder with the model `small` and the scan `scan`, a broker, and workers."""

    def __init__(self, settings: Settings, card: ModelCard, log: Path) -> None:
        self.settings = settings
        self.card = card
        self.repository = migrated(settings.database)
        self.blobs = open_blobs(settings)
        self.queue = Queue(settings, queue_names())
        self.workers: list[Worker] = []
        self._log = log

    def worker(self, prelude: str = "", **changes: str) -> Worker:
        """Starts one; `until(lambda: worker.ready)` waits for it."""
        log = self._log / f"worker-{len(self.workers)}.log"
        found = Worker(self.settings, log, prelude, **changes)
        self.workers.append(found)
        return found

    def scan(self, path: Path, name: str = "scan") -> StoredScan:
        """Stores a NIfTI."""
        shape = tuple(nib.load(path).shape)
        scan = StoredScan(
            id=name,
            project="ada",
            sha256=self.blobs.put(path),
            name="scan.nii",
            format="nifti",
            shape=(1, *shape),
            dtype="float32",
            spacing_mm=(1.0, 1.0, 1.0),
            affine=tuple(tuple(row) for row in np.eye(4).tolist()),
            bytes=path.stat().st_size,
            warnings=(),
            created_at=time.time(),
        )
        return self.repository.scans.add(scan)[0]

    def job_of(self, name: str, *, scan: str = "scan", **changes: Any) -> Job:
        """A job for `scan` in 64 tiles, not stored."""
        values = {
            "id": name,
            "project": "ada",
            "scans": {"image": scan},
            "model": self.card.name,
            "model_version": self.card.version,
            "model_sha256": self.card.sha256,
            "options": Options(device="cpu", precision="fp32", tile=(24,)),
            "priority": 5,
            "queue": "cpu",
            "state": JobState.QUEUED,
            "attempt": 0,
            "created_at": time.time(),
        }
        return Job(**{**values, **changes})

    def ask(self, name: str, *, scan: str = "scan", send: int = 1, **changes: Any) -> Job:
        """Stores a job, and sends its message as often as said."""
        job, _ = self.repository.jobs.add(self.job_of(name, scan=scan, **changes))
        if send:
            self.repository.messages.mark_sent([name])
        for _ in range(send):
            self.queue.send(job)
        return job

    def job(self, name: str) -> Job:
        return self.repository.jobs.by_id(name)

    def over(self, *names: str) -> bool:
        """Whether all of these jobs succeeded; any other end fails the test."""
        jobs = [self.job(name) for name in names]
        bad = [job for job in jobs if job.state in ("failed", "cancelled")]
        assert not bad, bad
        return all(job.state is JobState.SUCCEEDED for job in jobs)

    def stored(self) -> set[str]:
        """Every blob that there is."""
        files = [path for path in (self.settings.data / "blobs").rglob("*") if path.is_file()]
        assert all(path.name == _sha256(path) for path in files)
        return {path.name for path in files}

    def holder(self, job: Job) -> Worker:
        """The worker that the job's row names."""
        return next(w for w in self.workers if w.process.poll() is None and w.name == job.worker)

    def freeze(self, worker: Worker) -> None:
        """Stops a worker where it is not writing to SQLite.

        A stopped process keeps its locks, so that nobody could go on: of 736 stops at random
        tiles 7 fell into a write.
        """

        def frozen() -> bool:
            worker.freeze()
            if is_writable(self.settings.database):
                return True
            worker.signal(signal.SIGCONT)
            return False

        until(frozen)

    def lost(self, name: str) -> int:
        """How often a sweeper that lived on took the job back.

        A machine that stands still for a lease costs a job that runs well an attempt, too.
        """
        return sum(w.said.count(f"job {name}: its worker was lost") for w in self.workers)

    def ready(self) -> int:
        """How many workers live and serve."""
        return sum(w.ready for w in self.workers if w.process.poll() is None)

    def begun(self, name: str, tiles: int = 1, fence: int = 1) -> Job:
        """The job as soon as its claim `fence` has done so many tiles, or is over."""

        def look() -> Job | None:
            job = self.job(name)
            here = job.fence >= fence and job.progress.tiles_done >= tiles
            runs = job.state is JobState.RUNNING and here
            return job if runs or job.state.final else None

        job = until(look)
        assert job is not None
        return job

    @contextmanager
    def gateway(self, prelude: str = "", **changes: str) -> Iterator[tuple[httpx.Client, Process]]:
        """Runs `tessera gateway` over this data folder, and gives a client for it.

        `prelude` is Python that the process runs first.
        """
        port = free_port()
        variables = environment(self.settings.data, port, broker_url=self.settings.broker_url)
        log = self._log / "gateway.log"
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
            process = start_tessera("gateway", {**variables, **changes}, log, prelude)
            try:
                until(lambda: answers(client) or process.poll() is not None)
                assert process.poll() is None, log.read_text()
                yield client, process
            finally:
                process.kill()
                process.wait()

    until = staticmethod(until)
    answers = staticmethod(answers)
    noise = staticmethod(noise)
    network = staticmethod(network)

    def end(self) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.signal(signal.SIGCONT)
            worker.kill()
        self.queue.close()
        self.repository.close()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
