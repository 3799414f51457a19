"""What metrics report of the database: right, kept through folding, and read in constant time."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, select, text

from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.delivery import Commitment as State
from jobs.delivery import Delivery, DeliveryState, Receipt
from jobs.job import Job, Progress
from jobs.repository import Held, Repository
from jobs.repository.schema.count_tables import tallies
from jobs.repository.schema.delivery_tables import deliveries
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.scan_tables import scans
from jobs.service_figures import Runs, StoredScans
from tests.support.earlier_schema import SCAN_AND_JOB, go_back

Make = Callable[..., Job]
REPORT = {"device": "openvino", "precision": "bf16", "seconds": {"network": 1.5, "total": 2.0}}
MANY = 3000
"""Rows of each kind."""
WHOLE_TABLE = re.compile(
    r"(Seq Scan on|SCAN) (jobs|deliveries|scans)\b(?! USING INDEX jobs_held)"  # the running ones
)


def claimed(repository: Repository, job: Job) -> Job:
    repository.jobs.add(job)
    return claimed_again(repository, job.id)


def claimed_again(repository: Repository, name: str) -> Job:
    job = repository.leases.claim(name, "w", 60)
    assert job is not None
    return job


def finish(repository: Repository, job: Job, report: dict[str, Any]) -> None:
    repository.leases.renew({Held(job.id, job.fence): Progress(3, 3)}, 60)
    assert repository.leases.finish(
        job.id, job.fence, mask_sha256="a", mask_format="png", preview_sha256=None, report=report
    )


def runs(repository: Repository) -> dict[tuple[str, str], Runs]:
    """(outcome, kind) -> the figures, which must be one group each."""
    rows = repository.figures.read().runs
    found = {(run.outcome, run.kind): run for run in rows}
    assert len(found) == len(rows)
    return found


def test_each_claim_is_counted_by_its_end(stocked: Repository, job_of: Make) -> None:
    error = {"type": "urn:tessera:unreadable-scan", "title": "x"}
    leases = stocked.leases
    finish(stocked, claimed(stocked, job_of("good")), REPORT)
    bad = claimed(stocked, job_of("bad"))
    leases.fail(bad.id, bad.fence, error)
    twice = claimed(stocked, job_of("twice"))
    leases.requeue(twice.id, twice.fence, error, 3)
    with stocked.database.write() as connection:  # a requeued job rests for one lease
        connection.execute(jobs.update().values(error=None).where(jobs.c.id == "twice"))
    twice = claimed_again(stocked, "twice")
    leases.requeue(twice.id, twice.fence, error, 2)
    back = claimed(stocked, job_of("back"))
    leases.release(back.id, back.fence)
    stopped = claimed(stocked, job_of("stopped"))
    stocked.jobs.cancel("ada", stopped.id)
    found = runs(stocked)
    numbers = {key: run.number for key, run in found.items()}
    assert numbers == {
        ("succeeded", ""): 1,
        ("failed", "unreadable-scan"): 2,
        ("returned", "unreadable-scan"): 1,
        ("returned", ""): 1,
        ("cancelled", ""): 1,
    }
    good = found["succeeded", ""]
    assert (good.device, good.precision, good.tiles, good.network_s) == ("openvino", "bf16", 3, 1.5)
    assert (good.model, good.queue) == (job_of().model, job_of().queue)


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.5, 0.5), (0.51, 1), (-3, 0.5), (3600, 3600), (3601, 1e9)]
)
def test_durations_are_counted_by_their_bound(
    stocked: Repository, job_of: Make, seconds: float, bucket: float
) -> None:
    """Given a clock that went back, too."""
    claimed(stocked, job_of())
    with stocked.database.write() as connection:
        ends = jobs.update().values(state="succeeded", started_at=1e9, finished_at=1e9 + seconds)
        connection.execute(ends)
    (run,) = runs(stocked).values()
    assert run.bucket_s == bucket
    assert run.seconds == pytest.approx(max(0.0, seconds))


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"seconds": {}},
        {"seconds": [1]},
        {"device": "d" * 99, "precision": "p" * 99},
        {"device": None, "precision": 16, "seconds": {"network": "long"}},
        {"device": {"name": "x"}, "precision": [], "seconds": {"network": None}},
    ],
    ids=str,
)
def test_no_report_keeps_a_job_from_ending(
    stocked: Repository, job_of: Make, report: dict[str, Any]
) -> None:
    """A trigger that failed would refuse the end of the job."""
    finish(stocked, claimed(stocked, job_of()), report)
    (run,) = runs(stocked).values()
    assert (run.number, run.network_s) == (1, 0)
    assert len(run.device) <= 32
    assert len(run.precision) <= 16


def test_an_error_without_a_type_is_counted(stocked: Repository, job_of: Make) -> None:
    job = claimed(stocked, job_of())
    stocked.leases.fail(job.id, job.fence, {"title": "x", "type": "k" * 500})
    ((outcome, kind),) = runs(stocked)
    assert (outcome, len(kind)) == ("failed", 64)


def test_waiting_jobs_by_project_and_model(stocked: Repository, job_of: Make) -> None:
    finish(stocked, claimed(stocked, job_of("first", model="unet")), REPORT)
    with stocked.database.write() as connection:
        connection.execute(jobs.update().values(started_at=1e9, finished_at=1e9 + 60))
        (voxels,) = connection.execute(select(jobs.c.voxels)).scalars()
    for n in range(3):
        stocked.jobs.add(job_of(f"u{n}", model="unet", created_at=time.time() - 500 + n))
    stocked.jobs.add(job_of("other", model="new"))
    rows = {row.model: row for row in stocked.figures.read().waiting}
    assert {(model, row.jobs) for model, row in rows.items()} == {("unet", 3), ("new", 1)}
    assert voxels
    assert rows["unet"].seconds == pytest.approx(180)
    assert rows["unet"].oldest_s == pytest.approx(500, abs=100)
    assert rows["new"].seconds is None
    for name in ("u0", "u1", "u2", "other"):
        stocked.jobs.cancel("ada", name)
    assert stocked.figures.read().waiting == []


def test_scans_deliveries_commitments_and_workers(stocked: Repository, job_of: Make) -> None:
    (scan,) = stocked.figures.read().scans
    assert (scan.project, scan.scans) == ("ada", 1)
    assert scan.bytes == stocked.scans.get("ada", "scan").bytes
    wanted = [Delivery(f"d{n}", "job", peer, "dicom-seg", 1.0) for n, peer in enumerate("aab")]
    wanted[1] = Delivery("d1", "job", "a", "dicom-sr", 1.0)
    stocked.jobs.add(job_of(), None, wanted)
    receipt = Receipt("dicom-seg", "1.2", "2.25.7", State.DUE)
    stocked.deliveries.mark_sent("d0", receipt)
    figures = stocked.figures.read()
    counts = {(row.destination, row.state): row.count for row in figures.deliveries}
    sent, waits = DeliveryState.SENT, DeliveryState.WAITING
    assert counts == {("a", sent): 1, ("a", waits): 1, ("b", waits): 1}
    assert [(row.destination, row.state) for row in figures.commitments] == [("a", "due")]
    worker = AnnouncedWorker("w", ("any",), "1", WorkerState.READY, time.time())
    stocked.workers.announce(worker)
    assert [row.name for row in stocked.figures.read().workers] == ["w"]
    stocked.jobs.cancel("ada", "job")
    stocked.scans.delete("ada", "scan")
    figures = stocked.figures.read()
    assert (figures.scans, figures.deliveries, figures.commitments) == ([], [], [])
    assert runs(stocked) == {}, "a job that never ran"


def tally_rows(repository: Repository) -> int:
    with repository.database.read() as connection:
        return len(connection.execute(select(tallies.c.seq)).all())


def test_folding_keeps_the_figures(stocked: Repository, job_of: Make) -> None:
    for n in range(260):
        job = claimed(stocked, job_of(f"j{n}"))
        if n % 2:
            finish(stocked, job, REPORT)
    figures = stocked.figures.read()
    assert tally_rows(stocked) > 600
    stocked.figures.fold()
    assert tally_rows(stocked) < 10
    assert stocked.figures.read().runs == figures.runs
    assert sum(run.number for run in figures.runs) == 130


def test_rows_of_an_earlier_version_are_counted(repository: Repository) -> None:
    waiting = SCAN_AND_JOB[1].replace("'j'", "'k'").replace("succeeded", "queued")
    go_back(repository, "0009_project", (*SCAN_AND_JOB, waiting))
    repository.migrate()
    figures = repository.figures.read()
    assert [(row.project, row.model, row.jobs) for row in figures.waiting] == [("ada", "m", 1)]
    assert list(figures.scans) == [StoredScans("ada", 1, 1)]


def fill(repository: Repository, number: int) -> None:
    """Adds finished jobs, waiting jobs, scans and deliveries, this many of each."""
    numbered = "(SELECT CAST(value AS INTEGER) AS n FROM json_each(:numbers)) AS numbers"
    if "postgres" in str(repository.database._engine.url):
        numbered = "(SELECT n FROM generate_series(0, :numbers) AS n) AS numbers"
    with repository.database.write() as connection:
        for table, changes in (
            (scans, {"id": "'s' || n", "sha256": "'h' || n"}),
            (jobs, {"id": "'q' || n", "state": "'queued'", "request": "'r'"}),
            (jobs, {"id": "'f' || n", "state": "'succeeded'", "request": "'r'"}),
            (deliveries, {"id": "'d' || n", "job": "'q' || n"}),
        ):
            names = [column.name for column in table.c if column.name != "seq"]
            values = ", ".join(changes.get(name, f'"{name}"') for name in names)
            quoted = '", "'.join(names)
            query = (
                f'INSERT INTO {table.name} ("{quoted}") SELECT {values} '
                f"FROM {table.name}, {numbered} WHERE id = :template"
            )
            templates = {"scans": "scan", "jobs": "job", "deliveries": "d"}
            numbers: Any = number - 1
            if "json_each" in numbered:
                numbers = str(list(range(number)))
            connection.execute(text(query), {"numbers": numbers, "template": templates[table.name]})
        if "postgres" in str(repository.database._engine.url):
            connection.execute(text("ANALYZE"))
    repository.figures.fold()


@contextmanager
def statements(repository: Repository) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are executed in the block, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    engine = repository.database._engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_the_time_to_read_does_not_depend_on_the_rows(stocked: Repository, job_of: Make) -> None:
    """The same statements with many rows, and none of them reads a whole table."""
    stocked.jobs.add(job_of(), None, [Delivery("d", "job", "archive", "dicom-seg", 1.0)])
    finish(stocked, claimed(stocked, job_of("done")), REPORT)
    with statements(stocked) as few:
        stocked.figures.read()
    fill(stocked, MANY)
    with statements(stocked) as many:
        figures = stocked.figures.read()
    assert sum(row.jobs for row in figures.waiting) == MANY + 1
    assert [statement for statement, _ in few] == [statement for statement, _ in many]
    with stocked.database.read() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        explain = "EXPLAIN QUERY PLAN" if on_sqlite else "EXPLAIN"
        if not on_sqlite:  # which reads a table this small in any case
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in many:
            if statement.lstrip().startswith("SELECT"):
                plan = connection.exec_driver_sql(f"{explain} {statement}", parameters)
                steps = "\n".join(str(row) for row in plan)
                whole = re.search(
                    r"(Seq Scan on|SCAN) (jobs|deliveries|scans)\b(?! USING INDEX jobs_held)", steps
                )
                assert not whole, f"{statement}\n{steps}"
    assert tally_rows(stocked) < 600
