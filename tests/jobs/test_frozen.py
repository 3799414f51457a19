"""A process that is frozen, or whose host is cut off, in the middle of a write."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from sqlalchemy import text

from imaging.errors import Unavailable
from jobs.job import Job, JobState
from jobs.repository import Repository, database, postgres
from jobs.stored_scan import StoredScan
from tests.support.freezing import frozen, postgres_pid
from tests.support.waiting import until


def test_postgres_frees_what_a_frozen_worker_locked(
    postgres_url: str,
    scan_of: Callable[..., StoredScan],
    job_of: Callable[..., Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its job is taken back although its row was locked, and its own write comes to nothing."""
    monkeypatch.setattr(postgres, "IDLE_S", 2)
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
            assert awake.lost_jobs.take_back(3) == [], "locked"
            until = time.monotonic() + 60
            while not taken:
                assert time.monotonic() < until
                taken.extend(awake.lost_jobs.take_back(3))
            connection.execute(renew)

    with pytest.raises(Unavailable):
        write_with_a_pause()
    assert [job.id for job in taken] == ["job"]
    job = awake.jobs.by_id("job")
    assert (job.state, job.progress.tiles_done) == (JobState.QUEUED, 0)
    frozen.ping()  # connects again
    frozen.close()
    awake.close()


def test_a_slow_statement_is_given_up(postgres_url: str) -> None:
    """The server ends it, and the connection serves the next caller."""
    rows = Repository(postgres_url, statement_s=0.5)
    rows.migrate()
    start = time.monotonic()
    with pytest.raises(Unavailable):
        _sleep(rows, 60)
    assert time.monotonic() - start < 30
    rows.ping()
    rows.close()


def test_a_frozen_server_holds_callers_once(postgres_url: str) -> None:
    """One caller waits for the time-out; those after it fail at once, until the server is back."""
    rows = Repository(postgres_url, statement_s=0.5)
    rows.migrate()
    with frozen(postgres_pid(postgres_url)):
        with pytest.raises(Unavailable):
            rows.ping()
        with ThreadPoolExecutor(20) as pool:
            start = time.monotonic()
            failed = [pool.submit(rows.ping) for _ in range(20)]
            first = next(as_completed(failed))
            assert isinstance(first.exception(), Unavailable)
            assert time.monotonic() - start < postgres._CONNECT_S
            assert all(isinstance(one.exception(), Unavailable) for one in failed)
    until(lambda: _answers(rows))
    rows.close()


def test_a_row_that_is_locked_holds_nobody_else(
    postgres_url: str, scan_of: Callable[..., StoredScan], job_of: Callable[..., Job]
) -> None:
    """Given a worker that is frozen in a write, those who need other rows are served."""
    frozen_one, awake = Repository(postgres_url), Repository(postgres_url, statement_s=0.5)
    awake.migrate()
    awake.scans.add(scan_of())
    awake.jobs.add(job_of())

    def cancel_again_and_again() -> None:
        for _ in range(8):
            with pytest.raises(Unavailable):
                awake.jobs.cancel("ada", "job")

    with frozen_one.database.write() as connection, ThreadPoolExecutor(1) as pool:
        connection.execute(text("UPDATE jobs SET tiles_done = 7 WHERE id = 'job'"))
        waiting, number = pool.submit(cancel_again_and_again), 0
        while not waiting.done():
            number += 1
            awake.scans.add(scan_of(f"s{number}", sha256=f"{number:064x}"))
        waiting.result()
    assert awake.jobs.cancel("ada", "job").state is JobState.CANCELLED
    frozen_one.close()
    awake.close()


def test_a_migration_waits_for_another(postgres_url: str) -> None:
    """However long the other takes: it may change a large table."""
    first, second = (Repository(postgres_url, statement_s=0.2) for _ in range(2))
    with ThreadPoolExecutor(1) as pool:
        with first.database.write() as connection:
            lock = text(f"SELECT pg_advisory_xact_lock({database._MIGRATION_LOCK})")
            connection.execute(lock)
            migration = pool.submit(second.migrate)
            time.sleep(1.5)
            assert not migration.done()
        migration.result(60)
    first.close()
    second.close()


def _sleep(rows: Repository, seconds: float) -> None:
    with rows.database.read() as connection:
        connection.execute(text(f"SELECT pg_sleep({seconds})"))


def _answers(rows: Repository) -> bool:
    try:
        rows.ping()
    except Unavailable:
        return False
    return True
