"""Scans, jobs, batches, reviews and lists: one contract for SQLite and PostgreSQL."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import event

from imaging.errors import BadRequest, Conflict, NotFound, Unavailable
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.batch import Batch
from jobs.job import Job, JobState, Options, Progress
from jobs.repository import Forecast, Forecasts, Held, Repository, SeriesChanged
from jobs.repository.schema import metadata
from jobs.review import Review
from jobs.stored_scan import StoredScan
from tests.support.earlier_schema import set_revision

Make = Callable[..., Job]
MakeScan = Callable[..., StoredScan]


def forecast(repository: Repository, job: Job) -> Forecast:
    return repository.forecasts.of([job])[job.id]


@contextlib.contextmanager
def statements(repository: Repository) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []
    engine = repository.database._engine

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement != "BEGIN":
            sent.append(statement)

    event.listen(engine, "after_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "after_cursor_execute", note)


def test_a_scan_comes_back_as_it_was(repository: Repository, scan_of: MakeScan) -> None:
    for scan in (scan_of(), scan_of("photo", shape=(3, 20, 30), spacing_mm=None, warnings=())):
        assert repository.scans.add(scan) == (scan, True)
        assert repository.scans.get("ada", scan.id) == scan


def test_the_same_content_is_one_scan_per_owner(repository: Repository, scan_of: MakeScan) -> None:
    first = scan_of("one", sha256="a" * 64)
    repository.scans.add(first)
    assert repository.scans.add(scan_of("two", sha256="a" * 64)) == (first, False)
    other = scan_of("three", project="bob", sha256="a" * 64)
    assert repository.scans.add(other) == (other, True)
    for project, name in (("bob", "one"), ("ada", "three"), ("ada", "two")):
        with pytest.raises(NotFound):
            repository.scans.get(project, name)


def test_the_same_scan_from_many_threads_is_one(repository: Repository, scan_of: MakeScan) -> None:
    found: list[tuple[StoredScan, bool]] = []
    gate = threading.Barrier(6, timeout=60)

    def upload(n: int) -> None:
        gate.wait()
        found.append(repository.scans.add(scan_of(f"scan{n}", sha256="a" * 64)))

    threads = [threading.Thread(target=upload, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [created for _, created in found].count(True) == 1
    assert len({scan.id for scan, _ in found}) == 1


def test_a_scan_of_a_series_is_compared_with_all_others(
    repository: Repository, scan_of: MakeScan
) -> None:
    """Given a scan that was stored during the comparison, nothing is stored; of another owner, it
    does not matter."""
    first = scan_of("one", sha256="a" * 64, series="1.2")
    repository.scans.add(scan_of("bobs", project="bob", sha256="c" * 64, series="1.2"))
    assert repository.scans.add(first, []) == (first, True)
    second = scan_of("two", sha256="b" * 64, series="1.2")
    with pytest.raises(SeriesChanged):
        repository.scans.add(second, [])
    assert [scan.id for scan in repository.scans.of_images("ada", "1.2", "x")] == ["one"]
    assert repository.scans.add(second, ["one"]) == (second, True)
    assert repository.scans.add(scan_of("three", sha256="b" * 64), []) == (second, False)


def test_pages_stay_put_while_rows_come_in(stocked: Repository, job_of: Make) -> None:
    for n in range(7):
        stocked.jobs.add(job_of(f"job{n}"))
    first, cursor = stocked.worklist.page("ada", limit=3)
    stocked.jobs.add(job_of("late"))
    second, cursor = stocked.worklist.page("ada", cursor=cursor, limit=3)
    third, end = stocked.worklist.page("ada", cursor=cursor, limit=3)
    assert [job.id for job in (*first, *second, *third)] == [f"job{n}" for n in range(6, -1, -1)]
    assert end is None
    assert next(job.id for job in stocked.worklist.page("ada", limit=8)[0]) == "late"
    assert stocked.worklist.page("ada", limit=8)[1] is None


def test_scans_by_page(repository: Repository, scan_of: MakeScan) -> None:
    for n in range(4):
        repository.scans.add(scan_of(f"scan{n}"))
    repository.scans.add(scan_of("other", project="bob"))
    first, cursor = repository.scans.page("ada", limit=3)
    second, end = repository.scans.page("ada", cursor=cursor, limit=3)
    assert [scan.id for scan in (*first, *second)] == ["scan3", "scan2", "scan1", "scan0"]
    assert end is None


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1e9", "9" * 30, "1;--", "٣"])
def test_a_cursor_of_ones_own_is_refused(repository: Repository, cursor: str) -> None:
    for ask in (repository.scans.page, repository.worklist.page):
        with pytest.raises(BadRequest):
            ask("ada", cursor=cursor)


def test_a_job_comes_back_as_it_was(stocked: Repository, scan_of: MakeScan, job_of: Make) -> None:
    stocked.scans.add(scan_of("flair"))
    job = job_of(
        scans={"t2": "scan", "flair": "flair"},
        options=Options("cuda", "fp32", (64, 64, 32)),
        priority=9,
        queue="gpu",
    )
    assert stocked.jobs.add(job) == (job, True)
    assert stocked.jobs.get("ada", "job") == job
    assert list(stocked.jobs.get("ada", "job").scans) == ["t2", "flair"], "the first gives the grid"
    with pytest.raises(NotFound):
        stocked.jobs.get("bob", "job")
    with pytest.raises(NotFound):
        stocked.jobs.by_id("none")


def test_a_job_needs_scans_of_its_owner(
    stocked: Repository, scan_of: MakeScan, job_of: Make
) -> None:
    stocked.scans.add(scan_of("bobs", project="bob"))
    for scans in ({"t1": "none"}, {"t1": "bobs"}, {"t1": "scan", "t2": "bobs"}):
        with pytest.raises(NotFound):
            stocked.jobs.add(job_of(scans=scans))
        with pytest.raises(NotFound):
            stocked.batches.add(Batch("b", "ada", "", 1.0), [job_of("a"), job_of("b", scans=scans)])
    assert stocked.worklist.page("ada") == ([], None), "a batch is stored whole or not at all"
    with pytest.raises(NotFound):
        stocked.batches.get("ada", "b")


def test_an_idempotency_key_makes_one_job(stocked: Repository, job_of: Make) -> None:
    first, created = stocked.jobs.add(job_of("one"), "key")
    assert created
    assert stocked.jobs.add(job_of("two", created_at=3.0, model_version="2"), "key") == (
        first,
        False,
    )
    for change in ({"priority": 6}, {"model": "other"}, {"options": Options(device="cpu")}):
        with pytest.raises(Conflict, match="Idempotency-Key"):
            stocked.jobs.add(job_of("three", **change), "key")
    assert stocked.jobs.add(job_of("four"), "other")[1]
    assert stocked.jobs.add(job_of("five"))[1]
    assert stocked.jobs.add(job_of("six"))[1], "without a key every request is its own"


def test_a_key_belongs_to_its_owner(stocked: Repository, scan_of: MakeScan, job_of: Make) -> None:
    stocked.scans.add(scan_of("bobs", project="bob"))
    assert stocked.jobs.add(job_of("one"), "key")[1]
    assert stocked.jobs.add(job_of("two", project="bob", scans={"t1": "bobs"}), "key")[1]


def test_one_key_from_many_threads_is_one_job(stocked: Repository, job_of: Make) -> None:
    found: list[tuple[Job, bool]] = []
    gate = threading.Barrier(6, timeout=60)

    def ask(n: int) -> None:
        gate.wait()
        found.append(stocked.jobs.add(job_of(f"job{n}"), "key"))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [created for _, created in found].count(True) == 1
    assert len({job.id for job, _ in found}) == 1
    assert len(stocked.worklist.page("ada")[0]) == 1


def test_a_batch_and_its_states(stocked: Repository, job_of: Make) -> None:
    asked = [job_of(f"job{n}") for n in range(1200)]
    batch, created = stocked.batches.add(Batch("b", "ada", "night", 5.0), asked, "key")
    assert created
    assert batch.jobs == tuple(f"job{n}" for n in range(1200))
    assert batch.states == {JobState.QUEUED: 1200}
    assert stocked.jobs.by_id("job7").batch == "b"
    stocked.leases.claim("job7", "w", 60)
    stocked.jobs.cancel("ada", "job9")
    now = stocked.batches.get("ada", "b")
    assert now.states == {JobState.QUEUED: 1198, JobState.RUNNING: 1, JobState.CANCELLED: 1}
    again = [replace(job, id=f"again-{job.id}") for job in asked]
    assert stocked.batches.add(Batch("c", "ada", "night", 6.0), again, "key") == (now, False)
    with pytest.raises(Conflict):
        stocked.batches.add(Batch("c", "ada", "day", 6.0), again, "key")
    with pytest.raises(NotFound):
        stocked.batches.get("bob", "b")


def finish(repository: Repository, name: str, mask: str = "a" * 64) -> None:
    claimed = repository.leases.claim(name, "w", 60)
    assert claimed is not None
    assert repository.leases.finish(
        name,
        claimed.fence,
        mask_sha256=mask,
        mask_format="nifti",
        preview_sha256="b" * 64,
        report={},
    )


def test_a_scan_goes_with_its_finished_jobs(
    stocked: Repository, scan_of: MakeScan, job_of: Make
) -> None:
    stocked.scans.add(scan_of("other"))
    stocked.scans.add(scan_of("bobs", project="bob", sha256=scan_of().sha256))
    stocked.jobs.add(job_of("one"))
    stocked.jobs.add(job_of("two", scans={"t1": "other"}))
    finish(stocked, "one", "1" * 64)
    finish(stocked, "two", "2" * 64)
    stocked.reviews.add("ada", Review("r", "one", "accepted", "", "", 1.0))

    for project, name in (("eve", "scan"), ("ada", "none")):
        with pytest.raises(NotFound):
            stocked.scans.delete(project, name)
    assert stocked.scans.delete("ada", "scan") == ["1" * 64], "bob has the scan, two the preview"

    for ask in (lambda: stocked.scans.get("ada", "scan"), lambda: stocked.jobs.get("ada", "one")):
        with pytest.raises(NotFound):
            ask()
    assert stocked.jobs.get("ada", "two").mask_sha256 == "2" * 64
    assert stocked.scans.delete("ada", "other") == sorted(
        ["2" * 64, "b" * 64, scan_of("other").sha256]
    )
    assert stocked.scans.delete("bob", "bobs") == [scan_of().sha256]


def test_a_batch_goes_with_the_last_of_its_jobs(
    stocked: Repository, scan_of: MakeScan, job_of: Make
) -> None:
    stocked.scans.add(scan_of("other"))
    members = [job_of("one"), job_of("two", scans={"t1": "other"})]
    stocked.batches.add(Batch("b", "ada", "night", 5.0), members, "key")
    for name in ("one", "two"):
        stocked.jobs.cancel("ada", name)
    stocked.scans.delete("ada", "scan")
    assert stocked.batches.get("ada", "b").jobs == ("two",)
    stocked.scans.delete("ada", "other")
    with pytest.raises(NotFound):
        stocked.batches.get("ada", "b")


def test_two_deletions_at_once_leave_no_batch(
    stocked: Repository, scan_of: MakeScan, job_of: Make
) -> None:
    """Each deletes one of the last two jobs."""
    gate = threading.Barrier(2, timeout=60)
    for n in range(10):
        members = []
        for side in ("left", "right"):
            stocked.scans.add(scan_of(f"{side}{n}"))
            members.append(job_of(f"{side}{n}", scans={"t1": f"{side}{n}"}))
        stocked.batches.add(Batch(f"b{n}", "ada", "", 1.0), members)
        for job in members:
            stocked.jobs.cancel("ada", job.id)

    def delete(side: str) -> None:
        for n in range(10):
            gate.wait()
            stocked.scans.delete("ada", f"{side}{n}")

    thread = threading.Thread(target=delete, args=("left",))
    thread.start()
    delete("right")
    thread.join()
    for n in range(10):
        with pytest.raises(NotFound):
            stocked.batches.get("ada", f"b{n}")


@pytest.mark.parametrize("running", [False, True])
def test_a_scan_in_use_stays(stocked: Repository, job_of: Make, running: bool) -> None:
    stocked.jobs.add(job_of("done"))
    finish(stocked, "done")
    stocked.jobs.add(job_of("job"))
    if running:
        stocked.leases.claim("job", "w", 60)
    with pytest.raises(Conflict):
        stocked.scans.delete("ada", "scan")
    assert stocked.jobs.get("ada", "done").state is JobState.SUCCEEDED
    stocked.jobs.cancel("ada", "job")
    stocked.scans.delete("ada", "scan")
    assert stocked.worklist.page("ada") == ([], None)


def test_deleting_and_asking_at_once(stocked: Repository, scan_of: MakeScan, job_of: Make) -> None:
    """Whoever is first: never a job without its scan."""
    for n in range(10):
        stocked.scans.add(scan_of(f"scan{n}"))
    gate = threading.Barrier(2, timeout=60)

    def delete() -> None:
        for n in range(10):
            gate.wait()
            with contextlib.suppress(Conflict):
                stocked.scans.delete("ada", f"scan{n}")

    thread = threading.Thread(target=delete)
    thread.start()
    for n in range(10):
        gate.wait()
        with contextlib.suppress(NotFound):
            stocked.jobs.add(job_of(f"job{n}", scans={"t1": f"scan{n}"}))
    thread.join()
    for job in stocked.worklist.page("ada")[0]:
        assert stocked.scans.get("ada", job.scans["t1"])


def test_reviews(stocked: Repository, job_of: Make) -> None:
    stocked.jobs.add(job_of())
    review = Review("r1", "job", "rejected", "the tail is missing", "Dr. B", 5.5)
    with pytest.raises(Conflict):
        stocked.reviews.add("ada", review)
    finish(stocked, "job")
    with pytest.raises(NotFound):
        stocked.reviews.add("bob", review)
    assert stocked.reviews.add("ada", review) == review
    second = Review("r2", "job", "accepted", "", "", 6.5)
    stocked.reviews.add("ada", second)
    assert stocked.reviews.of_job("ada", "job") == [review, second]
    assert stocked.jobs.get("ada", "job").verdict == "accepted"
    with pytest.raises(NotFound):
        stocked.reviews.of_job("bob", "job")


def test_places_by_priority_then_age(stocked: Repository, job_of: Make) -> None:
    for name, priority in (("a", 1), ("b", 9), ("c", 5), ("d", 9)):
        stocked.jobs.add(job_of(name, priority=priority))
    stocked.jobs.add(job_of("running", priority=9))
    running = stocked.leases.claim("running", "w", 60)
    places = {name: forecast(stocked, stocked.jobs.by_id(name)).place for name in "abcd"}
    assert places == {"b": 1, "d": 2, "c": 3, "a": 4}
    assert running is not None
    assert forecast(stocked, running).place is None


def test_many_are_foreseen_with_one_look(stocked: Repository, job_of: Make) -> None:
    """The same for each as alone, whether or not its model was measured; few statements."""
    for model in ("slow", "quick"):
        stocked.jobs.add(job_of(model, model=model))
        assert stocked.leases.claim(model, "w", 60)
        time.sleep(0.3 if model == "slow" else 0.1)
        stocked.leases.finish(
            model, 1, mask_sha256="a", mask_format="png", preview_sha256=None, report={}
        )
    models = ("slow", "quick", "new")
    for n in range(30):
        stocked.jobs.add(job_of(f"job{n}", model=models[n % 3], priority=n % 4))
    assert stocked.leases.claim("job0", "w", 60)
    asked = [stocked.jobs.by_id(f"job{n}") for n in range(30)] + [stocked.jobs.by_id("slow")]
    looked_at = time.time()
    with statements(stocked) as sent:
        together = stocked.forecasts.of(asked)
    assert len(sent) < 12
    for job in asked:
        one, many = forecast(stocked, job), together[job.id]
        assert one.place == many.place
        assert (many.eta is None) == (job.state.final or job.model == "new")
        later_s = time.time() - looked_at
        assert many.eta is None or abs((one.eta or 0) - many.eta) < 1 + later_s
    waiting = sorted((job for job in asked if together[job.id].place), key=lambda j: -j.priority)
    assert [together[job.id].place for job in waiting] == list(range(1, 30))
    etas = [together[job.id].eta for job in waiting if job.model == "slow"]
    assert etas == sorted(etas)  # type: ignore[type-var]
    assert stocked.forecasts.of([]) == {}


def test_forecasts_share_what_they_have_in_common(stocked: Repository, job_of: Make) -> None:
    """For a while, but not without a job that runs since; places are always new."""
    for n in range(4):
        stocked.jobs.add(job_of(f"job{n}"))
    finish(stocked, "job0")
    waits = stocked.jobs.by_id("job3")
    shared = Forecasts(stocked.database, shared_s=600)
    assert shared.of([waits])["job3"].place == 3
    assert stocked.leases.claim("job1", "w", 60)
    runs = stocked.jobs.by_id("job1")
    with statements(stocked) as sent:
        assert shared.of([waits])["job3"].place == 2
    assert len(sent) == 2, "the job's own block, and the counts"
    assert shared.of([runs])["job1"].eta is not None
    with statements(stocked) as sent:
        assert shared.of([runs])["job1"].eta is not None
    assert sent == []
    with statements(stocked) as sent:
        Forecasts(stocked.database).of([waits])
    assert len(sent) > 2


def test_nothing_measured_no_estimate(stocked: Repository, job_of: Make) -> None:
    job, _ = stocked.jobs.add(job_of())
    assert forecast(stocked, job).eta is None


def test_estimates_from_measured_throughput(
    stocked: Repository, scan_of: MakeScan, job_of: Make
) -> None:
    """A finished job of 6,000 voxels gives the pace; then the figures follow by hand."""
    stocked.scans.add(scan_of("big", shape=(3, 100, 60)))  # 6,000 voxels as well, three channels
    stocked.scans.add(scan_of("double", shape=(1, 10, 20, 60)))
    stocked.jobs.add(job_of("done"))
    first = stocked.leases.claim("done", "w", 60)
    assert first is not None
    time.sleep(0.5)
    stocked.leases.finish(
        "done", 1, mask_sha256="a", mask_format="png", preview_sha256=None, report={}
    )
    done = stocked.jobs.by_id("done")
    assert done.finished_at is not None
    assert done.started_at is not None
    pace_s = done.finished_at - done.started_at  # per 6,000 voxels
    assert 0.5 <= pace_s < 5

    stocked.jobs.add(job_of("ahead", scans={"t1": "double"}, priority=9))
    job, _ = stocked.jobs.add(job_of("job", scans={"t1": "big"}))
    stocked.workers.announce(AnnouncedWorker("one", ("any",), "1", WorkerState.READY, 0.0))
    asked, eta, told = time.time(), forecast(stocked, job).eta, time.time()
    assert eta is not None
    assert asked + 3 * pace_s - 0.01 <= eta <= told + 3 * pace_s + 0.01

    before = time.time()
    for worker, name in (("one", "ahead"), ("two", "other")):
        if name == "other":
            stocked.jobs.add(job_of(name, priority=9))
        assert stocked.leases.claim(name, worker, 60)
    eta, told = forecast(stocked, job).eta, time.time()
    assert eta is not None
    # Two workers share what is left of two running jobs, 3 paces; then comes the job's own.
    assert before + 2.5 * pace_s - (told - before) - 0.01 <= eta <= told + 2.5 * pace_s + 0.01

    assert forecast(stocked, done).eta is None


def test_a_running_job_is_estimated_from_its_own_tiles(stocked: Repository, job_of: Make) -> None:
    stocked.jobs.add(job_of("done"))
    finish(stocked, "done")
    stocked.jobs.add(job_of())
    claimed = stocked.leases.claim("job", "w", 60)
    assert claimed is not None
    assert claimed.started_at is not None
    time.sleep(0.4)
    stocked.leases.renew({Held("job", claimed.fence): Progress(1, 5)}, 60)
    asked, eta, told = time.time(), forecast(stocked, stocked.jobs.by_id("job")).eta, time.time()
    assert eta is not None
    began = claimed.started_at
    assert asked + 4 * (asked - began) - 0.01 <= eta <= told + 4 * (told - began) + 0.01


def test_counts(stocked: Repository, job_of: Make) -> None:
    assert stocked.figures.read().jobs == dict.fromkeys(JobState, 0)
    stocked.jobs.add(job_of("one"))
    stocked.jobs.add(job_of("two"))
    stocked.leases.claim("two", "w", 60)
    assert stocked.figures.read().jobs == dict.fromkeys(JobState, 0) | {"queued": 1, "running": 1}


def test_the_migrations_make_the_schema(repository: Repository) -> None:
    with repository.database._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("revisions", [("9999",), ("",), (), ("0001", "9999"), ("0001", "0002")])
def test_a_database_of_another_version_is_refused(
    database: str, revisions: tuple[str, ...]
) -> None:
    set_revision(database, *revisions)
    with (
        closing(Repository(database)) as repository,
        pytest.raises(BadRequest, match="nother version of Tessera"),
    ):
        repository.migrate()


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tessera.db"
    with closing(Repository(f"sqlite:///{path}")) as repository:
        repository.migrate()
    for content in (b"text, and more text" * 99, path.read_bytes()[:5000]):
        path.write_bytes(content)
        with (
            closing(Repository(f"sqlite:///{path}")) as repository,
            pytest.raises(BadRequest, match="damaged"),
        ):
            repository.migrate()


def test_tables_of_another_program_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tessera.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE jobs (title TEXT)")
        other.commit()
    with (
        closing(Repository(f"sqlite:///{path}")) as repository,
        pytest.raises(BadRequest, match="another program"),
    ):
        repository.migrate()


MIGRATE = "import sys; from jobs.repository import Repository; Repository(sys.argv[1]).migrate()"


@pytest.mark.process
def test_several_programs_start_at_once(database: str) -> None:
    command = [sys.executable, "-P", "-c", MIGRATE, database]
    programs = [subprocess.Popen(command) for _ in range(4)]
    assert [program.wait() for program in programs] == [0, 0, 0, 0]
    repository = Repository(database)
    assert repository.figures.read().jobs
    repository.close()


@pytest.mark.slow
def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    away = ("postgresql+psycopg://127.0.0.1:9/none", f"sqlite:///{tmp_path / 'none' / 'x.db'}")
    for url in away:
        repository = Repository(url)
        with pytest.raises(Unavailable):
            repository.ping()
        repository.close()


def test_sqlite_writers_wait_for_each_other(tmp_path: Path, scan_of: MakeScan) -> None:
    """A lock held for a while is waited for; a deferred transaction would fail at once."""
    path = tmp_path / "tessera.db"
    repository = Repository(f"sqlite:///{path}")
    repository.migrate()
    with sqlite3.connect(path, isolation_level=None, check_same_thread=False) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.5, other.execute, ("COMMIT",))
        timer.start()
        assert repository.scans.page("ada") == ([], None), "readers do not wait"
        assert repository.scans.add(scan_of())[1]
        timer.join()
    other.close()
    repository.close()


def test_errors_do_not_tell_names(tmp_path: Path, scan_of: MakeScan) -> None:
    repository = Repository(f"sqlite:///{tmp_path / 'tessera.db'}")
    with pytest.raises(Unavailable) as told:
        repository.scans.add(scan_of(name="doe-jane.nii"))
    chain = [told.value, told.value.__cause__, told.value.__context__]
    assert not any("doe-jane" in str(error) for error in chain)
    repository.close()


def test_a_report_is_read_by_itself_alone(stocked: Repository, job_of: Make) -> None:
    """It may be megabytes: no list and no step of a job's life reads it."""
    stocked.jobs.add(job_of("done"))
    stocked.jobs.add(job_of("waits"))
    report = {"warnings": ["x" * 1000]}
    asked: list[str] = []

    @event.listens_for(stocked.database._engine, "after_cursor_execute")
    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    assert stocked.leases.claim("done", "w", 60) is not None
    assert stocked.leases.finish(
        "done", 1, mask_sha256="a", mask_format="png", preview_sha256=None, report=report
    )
    returned = [text.partition("RETURNING")[2] for text in asked if "RETURNING" in text]
    assert returned
    assert "report" not in "".join(returned)
    asked.clear()
    assert len(stocked.worklist.page("ada")[0]) == 2
    (
        stocked.jobs.get("ada", "done"),
        stocked.messages.unsent(),
        forecast(stocked, stocked.jobs.get("ada", "waits")),
    )
    assert len(asked) >= 6
    assert "report" not in "".join(asked)
    assert stocked.jobs.report("ada", "done") == report
    assert stocked.jobs.report("ada", "waits") == {}
    for project, name in (("eve", "done"), ("ada", "none")):
        with pytest.raises(NotFound):
            stocked.jobs.report(project, name)
