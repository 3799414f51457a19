"""Versions of Tessera that share a database: earlier code with a later schema, and the reverse."""

import json
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, create_engine, make_url, text

from imaging.errors import BadRequest
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.job import Job, JobState
from jobs.repository import Repository, known_revisions
from jobs.repository.revision import migrations
from tests.support.earlier_schema import go_back
from tests.support.later_schema import later_version
from tests.support.schema_changes import contractions, tables_of

STATEMENTS = Path(__file__).parent / "earlier_statements"
"""What the code of earlier revisions executed for a job's life, recorded there."""
RECORDED = sorted(path.stem for path in STATEMENTS.glob("*.json"))
EXPANSION = """
op.add_column("jobs", sa.Column("later", sa.Text()))
op.create_table("later", sa.Column("id", sa.Integer(), primary_key=True))"""
CONTRACTION = f"""
contract("{known_revisions()[0]}", "0.1.0")
op.execute("ALTER TABLE image_names DROP COLUMN used_at")"""
CONTRACTION_OF_LATER = CONTRACTION.replace(known_revisions()[0], "later").replace("0.1.0", "0.3.0")

BATCH = "with op.batch_alter_table('{}') as batch:\n    batch."
NAMES = BATCH.format("image_names")
CONTRACTIONS = {
    "table deliveries is dropped or renamed": "op.drop_table('deliveries')",
    "table reviews is dropped or renamed": "op.rename_table('reviews', 'later')",
    "image_names.used_at is dropped": "op.execute('ALTER TABLE image_names DROP COLUMN used_at')",
    "workers.version is dropped or renamed": (
        "op.execute('ALTER TABLE workers RENAME COLUMN version TO later')"
    ),
    "image_names.expiry_s becomes NOT NULL": (
        NAMES + "alter_column('expiry_s', existing_type=sa.Double(), nullable=False)"
    ),
    "image_names.name is VARCHAR(9)": (
        NAMES + "alter_column('name', type_=sa.String(9), existing_nullable=False)"
    ),
    "image_names.x is new and NOT NULL without a default": (
        NAMES + "add_column(sa.Column('x', sa.Text(), nullable=False))"
    ),
    "version must be unique": "op.create_index('once', 'workers', ['version'], unique=True)",
    "new check": NAMES + "create_check_constraint('short', 'length(name) < 9')",
    "['reviewer'] must exist elsewhere": (
        BATCH.format("reviews") + "create_foreign_key('known', 'workers', ['reviewer'], ['name'])"
    ),
    "trigger jobs_counted_deleted is dropped": (
        "on_jobs = ' ON jobs' if op.get_bind().dialect.name == 'postgresql' else ''\n"
        "op.execute('DROP TRIGGER jobs_counted_deleted' + on_jobs)"
    ),
}
"""What `contractions` says, and a migration of which it must say so."""


class EarlierCode:
    """Executes the statements of an earlier revision's code, in its order."""

    def __init__(self, database: str, recorded: str) -> None:
        self._engine = create_engine(database, isolation_level="AUTOCOMMIT")
        found = json.loads((STATEMENTS / f"{recorded}.json").read_text())
        self._statements = found[self._engine.dialect.name]

    def does(self, step: str) -> list[Any]:
        """Executes the statements of `store`, `run` or `read`; all rows that they return."""
        rows: list[Any] = []
        with self._engine.connect() as connection:
            for known, statement, parameters in self._statements:
                if known == step:
                    given = tuple(parameters) if isinstance(parameters, list) else parameters
                    result = connection.exec_driver_sql(statement, given)
                    rows += result.all() if result.returns_rows else []
        return rows

    def close(self) -> None:
        self._engine.dispose()


def upgraded(database: str, revision: str) -> Repository:
    """A database whose schema is of this revision."""
    if (path := make_url(database)).get_backend_name() == "sqlite":
        Path(str(path.database)).parent.mkdir(parents=True)
    repository = Repository(database)
    with repository.database.write() as connection:
        _upgrade(connection, revision)
    return repository


def _upgrade(connection: Connection, revision: str) -> None:
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


@pytest.mark.parametrize("recorded", RECORDED)
def test_earlier_code_works_with_this_schema(
    repository: Repository, database: str, recorded: str, job_of: Callable[..., Job]
) -> None:
    """It stores jobs, runs one and reads all; this code sees them and counts them, and the earlier
    code sees the jobs of this one."""
    with closing(EarlierCode(database, recorded)) as earlier:
        earlier.does("store")
        repository.jobs.add(job_of("new"))
        earlier.does("run")
        states = {job.id: job.state for job in repository.worklist.page("ada")[0]}
        queued = dict.fromkeys(("old1", "old2", "new"), JobState.QUEUED)
        assert states == queued | {"old0": JobState.SUCCEEDED}
        counts = repository.figures.read().jobs
        assert (counts[JobState.QUEUED], counts[JobState.SUCCEEDED]) == (3, 1)
        assert repository.forecasts.of([repository.jobs.by_id("new")])["new"].place == 3
        assert "new" in str(earlier.does("read"))
        claimed = repository.leases.claim_next("old1", "new-worker", 60)
        assert claimed is not None
        assert claimed.id == "old1"


@pytest.mark.parametrize("recorded", RECORDED)
def test_this_code_upgrades_a_schema_while_earlier_code_works(database: str, recorded: str) -> None:
    """Several processes of this version start at once, and one of the earlier version goes on."""
    upgraded(database, f"{recorded}_project").close()
    errors: list[BaseException] = []

    def attempt(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - reported below
            errors.append(error)

    def upgrade() -> None:
        with closing(Repository(database)) as repository:
            repository.migrate()

    with closing(EarlierCode(database, recorded)) as earlier:
        earlier.does("store")
        works = [lambda: earlier.does("run"), *[upgrade] * 3]
        threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        with closing(Repository(database)) as repository:
            counts = repository.figures.read().jobs
            assert (counts[JobState.QUEUED], counts[JobState.SUCCEEDED]) == (2, 1)


def test_each_migration_expands_or_says_what_it_contracts(database: str) -> None:
    """One that contracts must call `contract`, and is then the earliest that is supported."""
    earliest = known_revisions()[-1]
    with closing(upgraded(database, earliest)) as repository:
        for revision in known_revisions()[-2::-1]:
            with repository.database.write() as connection:
                before = tables_of(connection)
                _upgrade(connection, revision)
                found = contractions(before, tables_of(connection))
                assert not found or _contracted(connection), (revision, found)


def _contracted(connection: Connection) -> bool:
    """Whether a migration has said that it contracts the schema."""
    if "schema_support" not in tables_of(connection).columns:
        return False
    query = text("SELECT oldest_revision FROM schema_support")
    return connection.execute(query).scalar_one() != "0012_project"


@pytest.mark.parametrize(("found", "upgrade"), CONTRACTIONS.items())
def test_contractions_are_found(
    repository: Repository, tmp_path: Path, found: str, upgrade: str
) -> None:
    with repository.database.write() as connection:
        before = tables_of(connection)
    with later_version(tmp_path, upgrade):
        repository.migrate()
    with repository.database.write() as connection:
        assert any(found in what for what in contractions(before, tables_of(connection)))


def test_this_code_works_with_a_later_schema(
    repository: Repository, database: str, tmp_path: Path, job_of: Callable[..., Job], scan_of: Any
) -> None:
    """While it runs, and when it starts again: a rolling upgrade, and a downgrade."""
    with later_version(tmp_path, EXPANSION), closing(Repository(database)) as later:
        later.migrate()
    repository.ping()
    with closing(Repository(database)) as again:
        again.migrate()
        again.scans.add(scan_of())
        again.jobs.add(job_of())
        assert again.leases.claim_next("job", "worker", 60) is not None


def test_a_contracted_schema_is_refused(
    repository: Repository, database: str, tmp_path: Path
) -> None:
    """By the process that runs when it looks whether it is ready, and by one that starts."""
    with later_version(tmp_path, CONTRACTION_OF_LATER):
        repository.migrate()
        repository.ping()
    for refused in (repository.ping, repository.migrate):
        with pytest.raises(BadRequest, match="can no longer use") as caught:
            refused()
        assert "Tessera 0.3.0 or later" in caught.value.expected


def test_a_contraction_that_this_version_survives(repository: Repository, tmp_path: Path) -> None:
    with later_version(tmp_path, CONTRACTION):
        repository.migrate()
    repository.migrate()
    repository.ping()


def test_a_contraction_waits_for_workers_of_earlier_versions(
    repository: Repository, tmp_path: Path
) -> None:
    worker = AnnouncedWorker("host:1:x", ("any",), "0.1.0", WorkerState.READY, 1.0)
    repository.workers.announce(worker)
    with later_version(tmp_path, CONTRACTION):
        with pytest.raises(BadRequest, match=r"still run: host:1:x \(0\.1\.0\)"):
            repository.migrate()
        with repository.database.read() as connection:
            assert "used_at" in tables_of(connection).columns["image_names"]
        repository.workers.remove(worker.name)
        repository.migrate()
        with repository.database.read() as connection:
            assert "used_at" not in tables_of(connection).columns["image_names"]


def test_a_worker_of_this_version_stops_no_contraction(
    repository: Repository, tmp_path: Path
) -> None:
    newest = known_revisions()[0]
    worker = AnnouncedWorker("w", ("any",), "0.1.0", WorkerState.READY, 1.0, revision=newest)
    repository.workers.announce(worker)
    with later_version(tmp_path, CONTRACTION):
        repository.migrate()


def test_every_downgrade_leads_back(repository: Repository) -> None:
    go_back(repository, "base", ())
    repository.migrate()
