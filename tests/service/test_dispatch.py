"""Jobs that were stored are handed to the broker, few transactions for many jobs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import Connection

from jobs.job import Batch, Job, JobState, Options, StoredScan
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from service.use_cases.dispatch import dispatch

GRID = ((1.0, 0.0, 0.0, 0.0),) * 4
SCAN = StoredScan("s", "a", "0" * 64, "", "nifti", (1, 2, 2, 2), "u1", None, GRID, 8, (), 0.0)
JOB = Job("j", "a", {"t1": "s"}, "m", "1", "", Options(), 5, "any", JobState.QUEUED, 0, 0.0)


class Counting(Repository):
    """Counts its writing transactions, each of which the disk must confirm."""

    writes = 0

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        self.writes += 1
        with super()._write() as connection:
            yield connection


def test_a_batch_takes_few_transactions(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, broker_url="file://")
    repository, queue = Counting(settings.database), Queue(settings)
    repository.migrate()
    repository.add_scan(SCAN)
    jobs = [replace(JOB, id=f"j{n}") for n in range(250)]
    repository.add_batch(Batch("b", "a", "", 0.0), jobs)
    before = repository.writes
    for _ in range(2):
        dispatch(cast("Any", SimpleNamespace(repository=repository, queue=queue)), jobs)
    assert repository.writes - before <= 6
    assert queue.waiting() == 250
    assert repository.unsent() == []
    queue.close()
    repository.close()
