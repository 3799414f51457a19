"""How long a claim takes while many jobs wait, of one project and of several.

    python -P benchmarks/claims.py [--depth 50000] [--projects 1 2 20]

For each database and number of projects, fills an empty queue and claims, begins and ends jobs one
after another, as one worker would do without computing anything. Prints medians in milliseconds of
a claim, of all steps of a job, and of the forecast of a job; and means of the processor time of
this process, which has SQLite's, too. With PYTHONPATH, it measures an earlier revision.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from uuid import uuid4

from sqlalchemy import update

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera

from queue_depth import database  # noqa: E402

from jobs.batch import Batch  # noqa: E402
from jobs.job import Job, JobState, Options  # noqa: E402
from jobs.repository import Repository  # noqa: E402
from jobs.repository.schema.job_tables import jobs  # noqa: E402
from jobs.stored_scan import StoredScan  # noqa: E402

BATCH = 5_000


def main() -> None:
    """Prints a line for each database and number of projects."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--depth", type=int, default=50_000)
    parser.add_argument("--projects", type=int, nargs="+", default=[1, 2, 20])
    parser.add_argument("--databases", nargs="+", default=["sqlite", "postgresql"])
    parser.add_argument("--runs", type=int, default=500)
    options = parser.parse_args()
    for name in options.databases:
        for count in options.projects:
            with filled(name, options.depth, count) as (repository, message):
                print(name, f"projects={count}", *measured(repository, message, options.runs))


@contextlib.contextmanager
def filled(name: str, depth: int, projects: int) -> Iterator[tuple[Repository, Job]]:
    """A database with so many waiting jobs, and one of them, the last in the queue."""
    with (
        tempfile.TemporaryDirectory() as folder,
        database(name, Path(folder)) as url,
        contextlib.closing(Repository(url)) as repository,
    ):
        repository.migrate()
        grid = ((1.0, 0.0, 0.0, 0.0),) * 4
        names = [f"project{n}" for n in range(projects)]
        for one in names:
            repository.scans.add(
                StoredScan(
                    one, one, one.ljust(64), "", "png", (1, 9, 9), "u1", None, grid, 8, (), 0.0
                )
            )
        members = [job_of(names[n % projects]) for n in range(depth)]
        members[-1] = last = replace(members[-1], priority=0)
        for first in range(0, depth, BATCH):
            batch = Batch(uuid4().hex, names[0], "fill", time.time())
            repository.batches.add(batch, members[first : first + BATCH])
        with repository.database.write() as connection:
            connection.execute(update(jobs).values(sent_at=time.time()))
        repository.figures.fold()
        yield repository, last


def job_of(project: str) -> Job:
    """A new job of a project."""
    return Job(
        id=uuid4().hex,
        project=project,
        scans={"image": project},
        model="nuclei-2d",
        model_version="1",
        model_sha256="0" * 64,
        options=Options(),
        priority=5,
        queue="any",
        state=JobState.QUEUED,
        attempt=0,
        created_at=time.time(),
    )


def measured(repository: Repository, message: Job, runs: int) -> list[str]:
    """Medians in milliseconds, as text."""
    claims_ms, steps_ms, forecasts_ms = [], [], []
    cpu_s = 0.0
    for _ in range(runs):
        began, cpu_began = time.perf_counter(), time.process_time()
        job = repository.leases.claim_next(message.id, "benchmark", 60)
        claims_ms.append(1000 * (time.perf_counter() - began))
        cpu_s += time.process_time() - cpu_began
        assert job is not None
        repository.leases.begin(job.id, job.fence)
        repository.leases.finish(
            job.id,
            job.fence,
            mask_sha256="0" * 64,
            mask_format="png",
            preview_sha256=None,
            report={},
        )
        steps_ms.append(1000 * (time.perf_counter() - began))
    forecast_cpu_s = -time.process_time()
    for _ in range(runs // 10):
        began = time.perf_counter()
        repository.forecasts.of([message])
        forecasts_ms.append(1000 * (time.perf_counter() - began))
    forecast_cpu_s += time.process_time()
    cpus_ms = {
        "claim_cpu": 1000 * cpu_s / runs,
        "forecast_cpu": 1000 * forecast_cpu_s / (runs // 10),
    }
    figures = {"claim": claims_ms, "steps": steps_ms, "forecast": forecasts_ms}
    medians_ms = {name: median(times) for name, times in figures.items()}
    return [f"{name}_ms={ms:.2f}" for name, ms in (medians_ms | cpus_ms).items()]


if __name__ == "__main__":
    main()
