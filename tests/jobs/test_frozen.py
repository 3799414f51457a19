"""A process that is frozen, or whose host is cut off, in the middle of a write."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from imaging.errors import Unavailable
from jobs.job import Job, JobState
from jobs.repository import Repository, database
from jobs.stored_scan import StoredScan


def test_postgres_frees_what_a_frozen_worker_locked(
    postgres_url: str,
    scan_of: Callable[..., StoredScan],
    job_of: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its job is taken back although its row was locked, and its own write comes to nothing."""
    monkeypatch.setattr(database, "_IDLE_MS", 2000)
    frozen, awake = Repository(postgres_url), Repository(postgres_url)
    awake.migrate()
    awake.scans.add(scan_of())
    awake.jobs.add(job_of())
    assert awake.leases.claim("job", "w", -1) is not None
    taken: list[Job] = []

    def write_with_a_pause() -> None:
        renew = text("UPDATE jobs SET tiles_done = 7 WHERE id = 'job'")
        with frozen.database.write() as connection:
            connection.execute(renew)
            assert awake.leases.take_back(3) == [], "locked"
            until = time.monotonic() + 60
            while not taken:
                assert time.monotonic() < until
                taken.extend(awake.leases.take_back(3))
            connection.execute(renew)

    with pytest.raises(Unavailable):
        write_with_a_pause()
    assert [job.id for job in taken] == ["job"]
    job = awake.jobs.by_id("job")
    assert (job.state, job.progress.tiles_done) == (JobState.QUEUED, 0)
    frozen.ping()  # connects again
    frozen.close()
    awake.close()
