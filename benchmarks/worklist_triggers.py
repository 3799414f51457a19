"""What the triggers of the worklist cost: a job's life with them and without, on PostgreSQL.

    python -P benchmarks/worklist_triggers.py [--jobs 50000] [--rounds 15]

Stores jobs of all kinds, then takes new jobs through their lives: inserted, claimed, finished with
a report of about 8 kB, and accepted by a reader. Rounds with the triggers of the migrations 0016,
0019, 0020 and 0022 alternate with rounds in which they are disabled; the first round of each is
left out. The figures are medians over single transactions, in milliseconds.
"""

import argparse
import contextlib
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE))  # last: jobs.py is in this folder, and `jobs` is a package of Tessera
sys.path.append(str(HERE.parent))

from queue_depth import database  # noqa: E402
from sqlalchemy import text  # noqa: E402

from jobs.job import Progress  # noqa: E402
from jobs.repository import Held, Repository  # noqa: E402
from jobs.review import Review  # noqa: E402
from tests.support.many_jobs import PROJECT, store_jobs  # noqa: E402
from tests.support.rows import make_job  # noqa: E402

TRIGGERS = {
    "jobs": (
        *("worklist_job_changed", "worklist_job_deleted", "worklist_doubted"),
        *("sizes_judged", "sizes_deleted", "reading_job_deleted"),
    ),
    "job_scans": ("worklist_scan_added",),
    "reviews": (
        *("worklist_reviewed", "worklist_review_withdrawn", "worklist_review_deleted"),
        *("worklist_newest_review", "worklist_newest_withdrawn", "worklist_newest_deleted"),
    ),
}
"""Table -> its triggers that keep the worklist and the sizes of masks."""
AT_ONCE = 40
"""Jobs of a round."""
LABELS = 30
REPORT: dict[str, Any] = {
    "warnings": ["The mask touches the edge of the scan."],
    "doubts": [],
    "notes": "x" * 4000,
    "measurements": {
        "labels": [
            {"value": n, "name": f"label {n}", "voxels": 1000 * n, "volume_ml": 1.0 * n}
            for n in range(1, LABELS + 1)
        ]
    },
}


def main() -> None:
    """Prints a row for each step of a job's life."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        database("postgresql", Path(folder)) as url,
        contextlib.closing(Repository(url)) as repository,
    ):
        repository.migrate()
        store_jobs(repository, options.jobs)
        with repository.database.write() as connection:
            connection.execute(text("ANALYZE"))
        found: dict[tuple[str, bool], list[float]] = defaultdict(list)
        for n in range(2 * (options.rounds + 1)):
            enabled = n % 2 == 0
            switch(repository, enabled=enabled)
            measured = life(repository)
            if n > 1:
                for step, times in measured.items():
                    found[step, enabled] += times
    for step in ("insert", "claim", "progress", "finish", "review"):
        with_them, without = (1000 * median(found[step, on]) for on in (True, False))
        more = with_them / without - 1
        print(f"{step:10} {with_them:7.2f} ms with, {without:7.2f} without: {more:+.0%}")


def switch(repository: Repository, *, enabled: bool) -> None:
    """Enables or disables the triggers."""
    verb = "ENABLE" if enabled else "DISABLE"
    with repository.database.write() as connection:
        for table, triggers in TRIGGERS.items():
            for trigger in triggers:
                connection.execute(text(f"ALTER TABLE {table} {verb} TRIGGER {trigger}"))


def life(repository: Repository) -> dict[str, list[float]]:
    """Seconds of each step, for each of the jobs of a round."""
    times: dict[str, list[float]] = defaultdict(list)

    def timed(step: str, action: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = action()
        times[step].append(time.perf_counter() - began)
        return done

    for number in range(AT_ONCE):
        job = make_job(uuid4().hex, PROJECT, scans={"image": f"scan{number}"})
        timed("insert", partial(repository.jobs.add, job))
        held = timed("claim", partial(repository.leases.claim, job.id, "worker", 60))
        lease = {Held(job.id, held.fence): Progress(1, 2)}
        timed("progress", partial(repository.leases.renew, lease, 60))
        timed("finish", partial(finish, repository, job.id, held.fence))
        review = Review(uuid4().hex, job.id, "accepted", "", "Dr. Okafor", time.time())
        timed("review", partial(repository.reviews.add, PROJECT, review))
    return times


def finish(repository: Repository, job: str, fence: int) -> None:
    """Ends a job as a worker does."""
    assert repository.leases.finish(
        job,
        fence,
        mask_sha256="a" * 64,
        mask_format="nifti",
        preview_sha256=None,
        report=REPORT,
    )


if __name__ == "__main__":
    main()
