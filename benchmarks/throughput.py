"""Throughput of the service beside that of the engine alone, on the same files and cores.

    python -m benchmarks.throughput [--data FOLDER] [--json benchmarks/results/throughput.json]

For each kind of scan (small images through nuclei-2d, crops through hippocampus-mri-3d), each
number of workers and each set-up, two measurements alternate, on new files each time:

service: the files are uploaded, then a batch of jobs is submitted. The time is from the first start
    to the last end in the rows of the jobs; `wall` is the rate from the request to the last end.
engine: as many processes as workers, with as many threads, segment the files and write the masks,
    without queue, database and store. A process that has ended a file takes the next one. Images
    are segmented one at a time and as many together as by a worker; the faster way counts. The
    service is frozen meanwhile.

All processes together have one thread per core for networks, so what the service does besides costs
time of these cores. Processor times show where it goes. `durable` is what writing and hashing a
job's files and its three steps in the database cost alone, one after the other.

With `--data FOLDER`, the files come from `nuclei/images/*.png` and `hippocampus/images/*.nii.gz` in
that folder; without, from the models' samples, each shifted by another number of voxels.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Self
from uuid import uuid4

import httpx
from sqlalchemy import func, select

from benchmarks.bare_engine import BareEngine
from benchmarks.installation import SETUPS, Installation, cores, installed
from benchmarks.record import save
from benchmarks.sample_files import KINDS, Kind, write_files
from jobs.blobs import Blobs, open_blobs
from jobs.job import Job, JobState
from jobs.repository import Repository
from jobs.repository.schema.job_tables import jobs

WARM = 8
"""Jobs per worker before anything is measured."""
POLL_S = 0.5
PATIENCE_S = 600.0
DURABLE = 40
"""Jobs of which the durable writes are timed."""
Row = dict[str, Any]


def main() -> None:
    """Prints a line for each measurement, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=KINDS)
    parser.add_argument("--setups", nargs="+", default=list(SETUPS), choices=SETUPS)
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--jobs", type=int, default=100, help="jobs of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--data", type=Path, help="folder of data sets")
    parser.add_argument("--json", type=Path, help="file for the results")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rows = [
        measured(options, setup, workers, name)
        for setup in options.setups
        for workers in options.workers
        for name in options.kinds
    ]
    if options.json:
        save(options.json, rows, runs=options.rounds, jobs=options.jobs)


def measured(options: argparse.Namespace, setup: str, workers: int, name: str) -> Row:
    """One kind of scan in one installation; prints it."""
    kind, threads = KINDS[name], max(1, cores() // workers)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    changes = {"TESSERA_THREADS": str(threads)}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tessera-files-")))
        here = stack.enter_context(installed(setup, workers, changes))
        service = stack.enter_context(Service(here, kind))
        engines = {
            together: stack.enter_context(
                BareEngine(workers, threads, together, here.settings.cache_folder, folder)
            )
            for together in sorted({1, here.settings.group_size if name == "images" else 1})
        }
        warm = write_files(kind, options.data, WARM * workers, folder / "warm")
        service.run(service.uploaded(warm))
        for engine in engines.values():
            engine.run(kind, warm)
        files = write_files(kind, options.data, options.jobs * options.rounds, folder / "files")
        rounds = [
            one_round(service, engines, kind, files[n :: options.rounds])
            for n in range(options.rounds)
        ]
        durable = service.durable_ms()
    row: Row = {"setup": setup, "workers": workers, "threads": threads, "scans": name}
    row |= {figure: median(one[figure] for one in rounds) for figure in rounds[0]}
    row |= {"ratio": median(one["service"] / one["engine"] for one in rounds), **durable}
    row = {
        key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()
    }
    print(row, flush=True)
    return row


def one_round(
    service: "Service", engines: dict[int, BareEngine], kind: Kind, files: Sequence[Path]
) -> Row:
    """Rates per second, and processor milliseconds per job."""
    run = service.run(service.uploaded(files))
    with service.installation.frozen():
        alone = {together: engine.run(kind, files) for together, engine in engines.items()}
    together, best = min(alone.items(), key=lambda item: item[1].seconds)
    count = len(files)
    row: Row = {
        "service": count / run["seconds"],
        "wall": count / run["wall_s"],
        "engine": count / best.seconds,
        "together": together,
        "engine_cpu_ms": 1000 * best.processor_s / count,
    }
    row |= {f"{name}_cpu_ms": 1000 * used / count for name, used in run["processor_s"].items()}
    print(f"  {count} jobs: " + ", ".join(f"{k} {v:.2f}" for k, v in row.items()), flush=True)
    return row


class Service:
    """An installation with its clients."""

    def __init__(self, installation: Installation, kind: Kind) -> None:
        self.installation, self._kind = installation, kind
        self._client = httpx.Client(base_url=installation.gateway.address, timeout=300)
        self._repository = Repository(installation.settings.database)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._repository.close()

    def uploaded(self, files: Sequence[Path]) -> list[str]:
        """The scans' ids."""
        return [
            self._client.post("/v1/scans", files={"files": (path.name, path.read_bytes())})
            .raise_for_status()
            .json()["id"]
            for path in files
        ]

    def run(self, scans: Sequence[str]) -> Row:
        """A batch with a job for each scan: seconds, and processor seconds of each kind of part."""
        wanted = [{"scan": scan, "model": self._kind.model} for scan in scans]
        before, began = self.installation.processor_s(), time.time()
        body = {"name": "throughput", "jobs": wanted}
        batch = self._client.post("/v1/batches", json=body).raise_for_status().json()["id"]
        states: Counter[str] = Counter()
        while states[JobState.SUCCEEDED] < len(scans):
            time.sleep(POLL_S)
            states = self._states(batch)
            if states[JobState.FAILED] or time.time() > began + PATIENCE_S:
                raise SystemExit(f"The jobs do not succeed: {dict(states)}")
        after = self.installation.processor_s()
        query = select(func.min(jobs.c.started_at), func.max(jobs.c.finished_at))
        with self._repository.database.read() as connection:
            first, last = connection.execute(query.where(jobs.c.batch == batch)).one()
        used = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
        return {"seconds": last - first, "wall_s": last - began, "processor_s": used}

    def _states(self, batch: str) -> Counter[str]:
        query = select(jobs.c.state, func.count().label("jobs")).where(jobs.c.batch == batch)
        with self._repository.database.read() as connection:
            rows = connection.execute(query.group_by(jobs.c.state))
            return Counter({row.state: row.jobs for row in rows})

    def durable_ms(self) -> dict[str, float]:
        """Milliseconds per job of its durable writes, alone: files and hashes, and database."""
        with self._repository.database.read() as connection:
            newest = select(jobs.c.id).order_by(jobs.c.seq.desc()).limit(1)
            example = self._repository.jobs.by_id(str(connection.execute(newest).scalar_one()))
        blobs = open_blobs(self.installation.settings)
        with self.installation.frozen():
            with (
                blobs.local(str(example.mask_sha256)) as mask,
                blobs.local(str(example.preview_sha256)) as png,
            ):
                results = [mask.read_bytes(), png.read_bytes()]
            files_s = sum(self._put(blobs, results, n) for n in range(DURABLE))
            rows_s = sum(self._steps(example) for _ in range(DURABLE))
        return {
            "durable_files_ms": 1000 * files_s / DURABLE,
            "durable_rows_ms": 1000 * rows_s / DURABLE,
        }

    def _put(self, blobs: Blobs, results: Sequence[bytes], number: int) -> float:
        """Seconds to hash and store files like those of a job."""
        with tempfile.TemporaryDirectory(dir=self.installation.settings.scratch) as folder:
            paths = [Path(folder) / str(n) for n in range(len(results))]
            for path, content in zip(paths, results, strict=True):
                path.write_bytes(content + number.to_bytes(4))
            began = time.perf_counter()
            for path in paths:
                blobs.put(path, move=True)
            return time.perf_counter() - began

    def _steps(self, example: Job) -> float:
        """Seconds to claim, begin and finish a job that no worker sees."""
        job = replace(example, id=uuid4().hex, state=JobState.QUEUED, queue="durable", batch=None)
        self._repository.jobs.add(job)
        report = self._repository.jobs.report(example.project, example.id)
        leases, began = self._repository.leases, time.perf_counter()
        held = leases.claim(job.id, "throughput", 60)
        assert held is not None
        leases.begin(held.id, held.fence)
        leases.finish(
            held.id, held.fence, mask_sha256=example.mask_sha256 or "", mask_format="png",
            preview_sha256=example.preview_sha256, report=report,
        )  # fmt: skip
        return time.perf_counter() - began


if __name__ == "__main__":
    main()
