"""Jobs that were stored are handed to the broker, few transactions for many jobs."""

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from inference.runtime_registry import queue_names
from jobs.batch import Batch
from jobs.dispatch import dispatch
from jobs.job import Job, JobState, Options
from jobs.queue import Queue
from jobs.repository import Repository
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from models.registry import Registry
from service.resources.usable_models import UsableModels
from service.use_cases.orders import Orders

GRID = ((1.0, 0.0, 0.0, 0.0),) * 4
SCAN = StoredScan("s", "a", "0" * 64, "", "nifti", (1, 2, 2, 2), "u1", None, GRID, 8, (), 0.0)
JOB = Job("j", "a", {"t1": "s"}, "m", "1", "", Options(), 5, "any", JobState.QUEUED, 0, 0.0)


def test_a_batch_takes_few_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writing transaction waits for the disk."""
    settings = Settings(data=tmp_path, broker_url="file://")
    repository, queue = Repository(settings.database), Queue(settings, queue_names())
    repository.migrate()
    repository.scans.add(SCAN)
    jobs = [replace(JOB, id=f"j{n}") for n in range(250)]
    repository.batches.add(Batch("b", "a", "", 0.0), jobs)
    begun, write = [], repository.database.write

    def counted() -> AbstractContextManager[Connection]:
        begun.append(1)
        return write()

    monkeypatch.setattr(repository.database, "write", counted)
    send = partial(dispatch, repository.messages, queue)
    rows = repository.jobs, repository.batches, repository.scans
    orders = Orders(*rows, UsableModels(Registry(), dict), send)
    for _ in range(2):
        orders.dispatch(jobs)
    assert len(begun) <= 6
    assert queue.waiting() == 250
    assert repository.messages.unsent() == []
    queue.close()
    repository.close()
