"""Counts, places and estimates after random steps of many threads, compared with a plain count."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, select, text

from imaging.errors import Conflict, NotFound
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.batch import Batch
from jobs.job import Job, JobState
from jobs.repository import Repository
from jobs.repository.queue_line import waiting_jobs
from jobs.repository.schema.count_tables import BLOCK, job_counts
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.scan_tables import scans
from jobs.service_figures import ServiceFigures
from jobs.stored_scan import StoredScan
from tests.support.earlier_schema import SCAN_AND_JOB, go_back

Make = Callable[..., Job]
THREADS, STEPS = 4, 36
QUEUES, MODELS = ("any", "cpu"), ("slow", "quick", "new")
SCANS = {"small": (1, 1, 10, 10), "large": (1, 10, 20, 30)}
ENDED: dict[str, Any] = {
    "mask_sha256": "a",
    "mask_format": "png",
    "preview_sha256": None,
    "report": {},
}


def add_worker(repository: Repository, *queues: str, name: str = "w") -> None:
    """Announces a worker that is ready."""
    worker = AnnouncedWorker(name, queues, "1", WorkerState.READY, time.time())
    repository.workers.announce(worker)


def row_count(repository: Repository, table: Any) -> int:
    with repository.database.read() as connection:
        return len(connection.execute(select(table.c.seq)).all())


def check_counts(repository: Repository) -> None:
    """The sums of the counts are those of the jobs, for every key."""
    plain: Counter[tuple[Any, ...]] = Counter()
    counted: Counter[tuple[Any, ...]] = Counter()
    with repository.database.read() as connection:
        for job in connection.execute(select(jobs)):
            waits = job.state == "queued"
            place = (job.priority, job.seq // BLOCK, job.project) if waits else (0, 0, "")
            key = (job.state, job.queue, job.model, *place)
            plain[*key, "jobs"] += 1
            plain[*key, "voxels"] += job.voxels
        for row in connection.execute(select(job_counts)):
            key = (row.state, row.queue, row.model, row.priority, row.block, row.project)
            counted[*key, "jobs"] += row.jobs
            counted[*key, "voxels"] += row.voxels
    assert {key: n for key, n in counted.items() if n} == {key: n for key, n in plain.items() if n}
    by_state = Counter(dict.fromkeys(JobState, 0))
    for (state, *_, figure), n in plain.items():
        by_state[JobState(state)] += n if figure == "jobs" else 0
    figures = repository.figures.read()
    assert figures.jobs == by_state
    check_tallies(repository, figures)


def check_tallies(repository: Repository, figures: ServiceFigures) -> None:
    """The figures of waiting jobs and of scans are those of the rows."""
    with repository.database.read() as connection:
        waiting = list(connection.execute(select(jobs).where(jobs.c.state == "queued")))
        stored = list(connection.execute(select(scans)))
    groups = Counter((job.project, job.model, job.queue) for job in waiting)
    assert {(row.project, row.model, row.queue): row.jobs for row in figures.waiting} == groups
    for row in figures.waiting:
        key = (row.project, row.model, row.queue)
        submitted = [j.created_at for j in waiting if (j.project, j.model, j.queue) == key]
        assert row.oldest_s == pytest.approx(time.time() - min(submitted), abs=600)
    sizes = {row.project: (row.scans, row.bytes) for row in figures.scans}
    assert sizes == {"ada": (len(stored), sum(scan.bytes for scan in stored))}


def check_forecasts(repository: Repository, pace_s: dict[str, float]) -> None:
    """Places are positions in the sorted queue, estimates follow from the jobs before.

    `pace_s`: seconds per voxel of each measured model. No job may be running.
    """
    with repository.database.read() as connection:
        rows = list(connection.execute(select(jobs).where(jobs.c.state == "queued")))
    rows.sort(key=lambda row: (-row.priority, row.seq))
    wanted = [repository.jobs.by_id(row.id) for row in rows]
    add_worker(repository, *QUEUES)
    began = time.time()
    forecasts = repository.forecasts.of(wanted)
    for queue in QUEUES:
        line = [row for row in rows if row.queue == queue]
        for place, row in enumerate(line):
            forecast = forecasts[row.id]
            assert forecast.place == place + 1
            assert not forecast.no_worker
            if row.model not in pace_s:
                assert forecast.eta is None
                continue
            own = pace_s[row.model]
            ahead_s = sum(other.voxels * pace_s.get(other.model, own) for other in line[:place])
            expected = ahead_s + row.voxels * own
            assert forecast.eta is not None
            assert began + expected - 0.1 <= forecast.eta <= time.time() + expected + 0.1


def check_backlog(repository: Repository, pace_s: dict[str, float]) -> None:
    """The waiting work of each model and queue is that of its jobs."""
    with repository.database.write() as connection:  # later jobs were created later
        connection.execute(jobs.update().values(created_at=1e9 + jobs.c.seq))
    with repository.database.read() as connection:
        rows = list(connection.execute(select(jobs).where(jobs.c.state == "queued")))
    began = time.time()
    waiting = repository.figures.read().waiting
    ended = time.time()
    for work in waiting:
        own = [row for row in rows if (row.model, row.queue) == (work.model, work.queue)]
        rows = [row for row in rows if row not in own]
        assert work.jobs == len(own) > 0
        pace, voxels = pace_s.get(work.model), sum(row.voxels for row in own)
        assert work.seconds == (None if pace is None else pytest.approx(voxels * pace))
        read_at = work.oldest_s + min(row.created_at for row in own)
        assert began - 0.1 <= read_at <= ended + 0.1
    assert not rows


def measured(repository: Repository, job_of: Make) -> dict[str, float]:
    """Finishes a job of two models; returns their seconds per voxel."""
    pace_s = {}
    for model, seconds in (("slow", 600.0), ("quick", 60.0)):
        repository.jobs.add(job_of(model, model=model, scans={"t1": "large"}))
        claimed = repository.leases.claim(model, "w", 60)
        assert claimed is not None
        assert repository.leases.finish(model, claimed.fence, **ENDED)
        with repository.database.write() as connection:
            query = jobs.update().where(jobs.c.id == model)
            connection.execute(query.values(started_at=1e9, finished_at=1e9 + seconds))
        pace_s[model] = seconds / 6000
    return pace_s


class Steps:
    """Random steps of one thread, on the jobs of all."""

    def __init__(self, repository: Repository, job_of: Make, number: int) -> None:
        self.repository, self.job_of, self.number = repository, job_of, number
        self.random = random.Random(number)
        self.claims: list[Job] = []
        self.errors: list[Exception] = []
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        steps = [self.add, self.batch, self.claim, self.claim, self.end, self.end, self.cancel]
        steps += [self.retry, self.take_back, self.fold, self.delete, self.earlier_version]
        try:
            for n in range(STEPS):
                self.random.choice(steps)(f"{self.number}-{n}")
        except Exception as error:  # noqa: BLE001 - the test reports it
            self.errors.append(error)

    def make(self, name: str) -> Job:
        return self.job_of(
            name,
            scans={"t1": self.random.choice([*SCANS, f"own{self.number}"])},
            priority=self.random.choice((1, 5, 9)),
            queue=self.random.choice(QUEUES),
            model=self.random.choice(MODELS),
        )

    def existing(self) -> str:
        number = self.random.randrange(THREADS)
        return f"{number}-{self.random.randrange(STEPS)}"

    def add(self, name: str) -> None:
        self.repository.jobs.add(self.make(name))

    def batch(self, name: str) -> None:
        """Of many priorities, queues and models, so that the same blocks are met in any order."""
        members = [self.make(name if n == 0 else f"{name}-{n}") for n in range(60)]
        ids = tuple(job.id for job in members)
        self.repository.batches.add(Batch(name, "ada", "", 0.0, ids), members)

    def claim(self, name: str) -> None:
        job = self.repository.leases.claim_next(self.existing(), name, self.random.choice((60, -1)))
        if job is not None:
            self.claims.append(job)

    def end(self, _name: str) -> None:
        if not self.claims:
            return
        job = self.claims.pop(self.random.randrange(len(self.claims)))
        leases, error = self.repository.leases, {"title": "x"}
        self.random.choice(
            (
                lambda: leases.fail(job.id, job.fence, error),
                lambda: leases.release(job.id, job.fence),
                lambda: leases.requeue(job.id, job.fence, error, 2),
                lambda: leases.requeue(job.id, job.fence, error, 1),
            )
        )()

    def cancel(self, _name: str) -> None:
        self._refusable(self.repository.jobs.cancel)

    def retry(self, _name: str) -> None:
        self._refusable(self.repository.jobs.retry)

    def _refusable(self, step: Callable[[str, str], Job]) -> None:
        with contextlib.suppress(Conflict, NotFound):
            step("ada", self.existing())

    def take_back(self, _name: str) -> None:
        self.repository.lost_jobs.take_back(2)

    def fold(self, _name: str) -> None:
        self.repository.figures.fold()

    def delete(self, _name: str) -> None:
        """A scan with all its jobs, if they have finished; then the scan is there again."""
        scan = f"own{self.number}"
        with self.repository.database.read() as connection:
            query = text("SELECT job FROM job_scans WHERE scan = :scan")
            users = list(connection.execute(query, {"scan": scan}).scalars())
        for user in users:
            with contextlib.suppress(Conflict):
                self.repository.jobs.cancel("ada", user)
        try:
            self.repository.scans.delete("ada", scan)
        except Conflict:  # another thread retried one of its jobs
            return
        add_scan(self.repository, scan)

    def earlier_version(self, _name: str) -> None:
        """A statement as a worker sends it that knows nothing of counts."""
        query = "UPDATE jobs SET state = 'cancelled' WHERE id = :id AND state = 'queued'"
        with self.repository.database.write() as connection:
            connection.execute(text(query), {"id": self.existing()})


def add_scan(repository: Repository, name: str, shape: tuple[int, ...] = (1, 1, 10, 10)) -> None:
    grid = ((1.0, 0.0, 0.0, 0.0),) * 4
    digest = name.encode().hex().ljust(64, "0")
    repository.scans.add(
        StoredScan(name, "ada", digest, "", "nifti", shape, "u1", None, grid, 8, (), 0.0)
    )


@pytest.mark.slow
def test_many_threads(repository: Repository, job_of: Make) -> None:
    for name, shape in SCANS.items():
        add_scan(repository, name, shape)
    for number in range(THREADS):
        add_scan(repository, f"own{number}")
    pace_s = measured(repository, job_of)
    runs = [Steps(repository, job_of, n) for n in range(THREADS)]
    for run in runs:
        run.thread.start()
    for run in runs:
        run.thread.join()
    assert [run.errors for run in runs] == [[]] * THREADS

    check_counts(repository)
    for run in runs:
        for job in run.claims:
            repository.leases.release(job.id, job.fence)
    repository.lost_jobs.take_back(99)
    check_counts(repository)
    waiting = repository.figures.read().jobs[JobState.QUEUED]
    assert waiting > BLOCK, "too few to fill blocks"
    check_forecasts(repository, pace_s)
    check_backlog(repository, pace_s)


def test_nothing_waits(repository: Repository) -> None:
    assert repository.figures.read().waiting == []


def test_folding_keeps_the_sums(stocked: Repository, job_of: Make) -> None:
    members = [job_of(f"job{n}", priority=n % 3) for n in range(600)]
    stocked.batches.add(Batch("b", "ada", "", 0.0), members)
    for n in range(40):
        stocked.jobs.cancel("ada", f"job{n}")
    before = row_count(stocked, job_counts)
    assert before == 680
    threads = [threading.Thread(target=stocked.figures.fold) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert row_count(stocked, job_counts) < 20
    check_counts(stocked)


def test_the_migration_counts_the_jobs_of_an_earlier_version(repository: Repository) -> None:
    waiting = SCAN_AND_JOB[1].replace("'j'", "'k'").replace("succeeded", "queued")
    go_back(repository, "0007_project", (*SCAN_AND_JOB, waiting))
    repository.migrate()
    check_counts(repository)
    assert repository.figures.read().jobs[JobState.QUEUED] == 1


@pytest.mark.process
def test_postgresql_reads_one_block_for_a_place(
    postgres_url: str, scan_of: Callable[..., StoredScan], job_of: Make
) -> None:
    """Whatever the planner believes of a table that it has no statistics of."""
    with contextlib.closing(Repository(postgres_url)) as repository:
        repository.migrate()
        repository.scans.add(scan_of())
        count = 16 * BLOCK
        members = [job_of(f"job{n}", batch="many") for n in range(count)]
        repository.batches.add(Batch("many", "ada", "many", time.time()), members)
        wanted = [f"job{n}" for n in range(0, count, count // 8)]
        sent: list[tuple[str, Any]] = []

        @event.listens_for(repository.database._engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            sent.append((statement, parameters))

        with repository.database.read() as connection:
            found = {job.id: job.place for job in waiting_jobs(connection, wanted, {})}
            (statement, parameters), _ = sent  # the jobs' own blocks, then the counts
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            (plan,) = connection.exec_driver_sql(explained, parameters).scalar_one()
    assert found == {name: 1 + int(name.removeprefix("job")) for name in wanted}
    looks = 3 * len(wanted)  # jobs, seconds and voxels
    assert rows_read(plan["Plan"]) <= looks * BLOCK + 2 * len(wanted)


def rows_read(node: dict[str, Any]) -> int:
    """How many rows of the table of jobs this part of a plan read, those that it dropped, too."""
    inner = sum(rows_read(part) for part in node.get("Plans", ()))
    if node.get("Relation Name") != "jobs":
        return inner
    dropped = sum(rows for name, rows in node.items() if name.startswith("Rows Removed by"))
    return inner + round((node["Actual Rows"] + dropped) * node["Actual Loops"])
