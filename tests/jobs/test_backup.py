"""A backup of a running service is restored elsewhere, also into other kinds of storage."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import JSON, LargeBinary, text

from imaging.errors import BadRequest, Conflict, DamagedFile, NotFound
from jobs.announced_worker import AnnouncedWorker, WorkerState
from jobs.audit.verification import verify as verify_trail
from jobs.backup import (
    Destination,
    Restored,
    Source,
    StoredBackup,
    StoredBackups,
    restore,
    take_backup,
    verify,
)
from jobs.job import JobState
from jobs.repository import known_revisions
from jobs.repository.schema import metadata
from jobs.settings import Settings
from tests.support.audited import SIGNER, audit_event
from tests.support.earlier_schema import SCAN_AND_JOB, go_back
from tests.support.rows import make_job
from tests.support.whole_service import Service, data_file, lasting, service

Kinds = Callable[[str, str], Settings]


class Silent:
    """A progress that nobody sees."""

    def begin(self, work: str, files: int | None = None) -> None:
        pass

    def advance(self, size: int) -> None:
        pass


@pytest.fixture
def stored(tmp_path: Path) -> StoredBackups:
    return StoredBackups(tmp_path / "target")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Service]:
    """A full service on SQLite and a folder."""
    with service(Settings(data=tmp_path / "here")) as found:
        found.fill()
        yield found


def take(source: Service, target: StoredBackups, **options: bool) -> StoredBackup:
    data = source.settings.data
    parts = Source(
        source.repository.table_backup,
        source.blobs,
        {"inbox": data / "inbox"},
        {"models": source.settings.added_models},
        "",
    )
    return take_backup(parts, target, Silent(), **options)


def put_back(
    backup: StoredBackup, stored: StoredBackups, there: Service, *, replace: bool = False
) -> Restored:
    data = there.settings.data
    folders = {"inbox": data / "inbox", "models": there.settings.added_models}
    destination = Destination(there.repository, there.blobs, folders, there.settings.scratch)
    return restore(backup, stored.contents, destination, Silent(), replace=replace)


@pytest.fixture
def of_kind(request: pytest.FixtureRequest, tmp_path: Path) -> Kinds:
    """Settings of a service of its own: with SQLite and a folder, or PostgreSQL and S3."""

    def settings(kind: str, name: str) -> Settings:
        if kind == "small":
            return Settings(data=tmp_path / name)
        s3: Settings = request.getfixturevalue("s3_settings")
        url = request.getfixturevalue("postgres_url")
        return s3.model_copy(update={"data": tmp_path / name, "database_url": url})

    return settings


@pytest.mark.process
@pytest.mark.parametrize(("source", "target"), [("small", "large"), ("large", "small")])
def test_a_service_in_use_moves_to_other_storage(
    of_kind: Kinds, stored: StoredBackups, source: str, target: str
) -> None:
    """While jobs are added and deleted, with their blobs, all the time."""
    with service(of_kind(source, "here")) as here:
        here.fill()
        model = data_file(here.settings, "models/mine/model.onnx", b"a network")
        model.chmod(0o640)
        data_file(here.settings, "inbox/series/one.dcm", b"an image")
        before = lasting(here.rows())
        done = threading.Event()

        def use() -> None:
            for number in itertools.takewhile(lambda _: not done.is_set(), itertools.count()):
                here.finished(f"job{number}")
                if number % 3:
                    here.delete(f"job{number}")
                time.sleep(0.005)  # or it would have the processor for itself

        with ThreadPoolExecutor(1) as user:
            used = user.submit(use)
            try:
                backup, second = take(here, stored), take(here, stored)
            finally:
                done.set()
            used.result()
        assert backup.manifest.lost_blobs == second.manifest.lost_blobs == ()
    verify(second, stored.contents, Silent())
    with service(of_kind(target, "there"), empty=True) as there:
        restored = put_back(second, stored, there)
        rows = lasting(there.rows())
        for table, group in before.items():
            missing = [row for row in group if row not in rows[table]]
            assert not missing, table
        assert there.check_blobs() == restored.blobs == second.manifest.blobs > 4
        assert restored.rows == second.manifest.rows
        assert restored.queued_again in (1, 2)  # with one of those that were added
        assert there.repository.jobs.by_id("runs").state is JobState.QUEUED
        assert there.repository.jobs.by_id("runs").attempt == 0
        copied = there.settings.data / "models/mine/model.onnx"
        assert (copied.read_bytes(), copied.stat().st_mode & 0o777) == (b"a network", 0o640)
        assert (there.settings.data / "inbox/series/one.dcm").read_bytes() == b"an image"
        # Triggers and numbers of rows go on: counts agree, and the next job is the newest.
        there.repository.jobs.add(make_job("new", scans={"t1": "scan-done"}))
        waiting = [row for row in there.rows()["jobs"] if row["state"] == "queued"]
        assert there.repository.figures.read().jobs[JobState.QUEUED] == len(waiting) >= 3
        assert [row["id"] for row in there.rows()["jobs"]][-1] == "new"
        # The chain of the audit trail is whole, and goes on.
        there.repository.audit.append([audit_event(9)], SIGNER)
        trail = verify_trail(there.repository.audit, [SIGNER])
        assert (trail.events, trail.findings) == (4, ())


def test_a_database_that_a_gateway_has_just_made_is_empty(
    here: Service, stored: StoredBackups, tmp_path: Path
) -> None:
    backup = take(here, stored)
    with service(Settings(data=tmp_path / "there")) as there:
        put_back(backup, stored, there)
        assert len(there.rows()["projects"]) == 2
        with pytest.raises(Conflict, match="not empty"):
            put_back(backup, stored, there)


def test_the_counts_and_the_worklist_are_as_before(
    here: Service, stored: StoredBackups, tmp_path: Path
) -> None:
    backup = take(here, stored)
    assert set(backup.manifest.rows).isdisjoint({"workers", "viewers"})
    with service(Settings(data=tmp_path / "there"), empty=True) as there:
        put_back(backup, stored, there)
        for name in ("mask_sizes", "drafts", "draft_changes", "reviews", "deliveries"):
            assert there.rows()[name] == here.rows()[name]
        figures = (here.repository.figures.read(), there.repository.figures.read())
        assert [sum(one.jobs.values()) for one in figures] == [3, 3]
        seen = [{row["seq"] for row in one.rows()["worklist"]} for one in (here, there)]
        assert seen[0] == seen[1]


def test_only_new_files_are_copied_and_old_backups_go(here: Service, stored: StoredBackups) -> None:
    here.finished("gone")
    first = take(here, stored)
    times = {name: stored.contents.path(name).stat().st_mtime_ns for name in first.blobs}
    here.delete("gone")
    here.finished("later")
    second = take(here, stored)
    assert {n: stored.contents.path(n).stat().st_mtime_ns for n in first.blobs} == times
    assert stored.names() == [first.name, second.name]
    assert list(stored.keep_newest(1))
    assert stored.names() == [second.name]
    assert set(stored.contents.names()) == set(second.contents())
    verify(second, stored.contents, Silent())


def test_a_blob_that_vanishes_before_it_is_copied(
    here: Service, stored: StoredBackups, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a scan that is deleted right after the rows were read: they are read again."""
    here.finished("gone")
    names = iter(["gone"])
    read = here.blobs.stream

    def stream(sha256: str) -> tuple[int, Iterator[bytes]]:
        for name in names:
            here.delete(name)
        return read(sha256)

    monkeypatch.setattr(here.blobs, "stream", stream)
    backup = take(here, stored)
    assert backup.manifest.lost_blobs == ()
    assert backup.manifest.rows["scans"] == 1


def test_a_blob_that_the_service_has_lost_is_reported(
    here: Service, stored: StoredBackups, tmp_path: Path
) -> None:
    """And one that is damaged; both are kept if an earlier backup has them."""
    lost, damaged = here.blob_names()[:2]
    here.blobs.delete(lost)
    (here.settings.data / "blobs" / damaged[:2] / damaged).write_bytes(b"something else")
    backup = take(here, stored)
    assert sorted(backup.manifest.lost_blobs) == sorted([lost, damaged])
    with service(Settings(data=tmp_path / "there"), empty=True) as there:
        assert put_back(backup, stored, there).blobs == len(here.blob_names()) - 2


@pytest.mark.parametrize("when", ["blobs", "manifest"])
def test_an_interrupted_backup_is_none_and_can_be_repeated(
    here: Service, stored: StoredBackups, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    calls = itertools.count()

    def fail(*_: object) -> None:
        if when == "manifest" or next(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if when == "blobs":
            read = here.blobs.stream

            def stream(sha256: str) -> tuple[int, Iterator[bytes]]:
                fail()
                return read(sha256)

            patch.setattr(here.blobs, "stream", stream)
        else:
            patch.setattr("jobs.backup.taking.sync_folder", fail)
        with pytest.raises(KeyboardInterrupt):
            take(here, stored)
    assert stored.names() == []
    with pytest.raises(NotFound, match="no complete backup"):
        stored.get()
    verify(take(here, stored), stored.contents, Silent())
    assert [path.name for path in (stored.contents.path("x").parents[2] / "backups").iterdir()] == (
        stored.names()
    )


def test_damaged_backups_are_refused(here: Service, stored: StoredBackups, tmp_path: Path) -> None:
    """Whatever file is damaged, truncated or missing; the database stays empty."""
    backup = take(here, stored)
    blob = stored.contents.path(here.blob_names()[0])
    files = [blob, backup.table_file("jobs"), backup.folder / "blobs.jsonl.gz"]
    with service(Settings(data=tmp_path / "there"), empty=True) as there:
        for path in files:
            content = path.read_bytes()
            changed = bytes([content[0] ^ 1]) + content[1:]
            for damage in (changed, content[:-1], None):
                path.unlink() if damage is None else path.write_bytes(damage)
                with pytest.raises(DamagedFile, match="backup is damaged"):
                    put_back(StoredBackup(backup.folder), stored, there)
            path.write_bytes(content)
        assert there.repository.database.revision() is None
        manifest = backup.folder / "manifest.json"
        text_ = manifest.read_text()
        manifest.write_text(text_[: len(text_) // 2])
        with pytest.raises(DamagedFile, match="manifest"):
            stored.get()
        manifest.write_text(text_.replace('"format": 1', '"format": 3'))
        with pytest.raises(BadRequest, match="later version"):
            stored.get()
        manifest.write_text(text_)
        put_back(stored.get(), stored, there)


def test_damage_in_the_folder_is_repaired_on_request(here: Service, stored: StoredBackups) -> None:
    take(here, stored)
    stored.contents.path(here.blob_names()[0]).write_bytes(b"x")
    with pytest.raises(DamagedFile):
        verify(take(here, stored), stored.contents, Silent())
    verify(take(here, stored, recheck=True), stored.contents, Silent())


def test_a_database_in_use_is_replaced_only_on_request(
    here: Service, stored: StoredBackups, tmp_path: Path
) -> None:
    backup = take(here, stored)
    with service(Settings(data=tmp_path / "there")) as there:
        there.finished("other")
        before = there.rows()
        with pytest.raises(Conflict, match="not empty"):
            put_back(backup, stored, there)
        worker = AnnouncedWorker("w", ("any",), "1", WorkerState.READY, 1.0)
        there.repository.workers.announce(worker)
        with pytest.raises(Conflict, match="Workers use the database: 1"):
            put_back(backup, stored, there, replace=True)
        assert there.rows() == before
        there.repository.workers.remove("w")
        put_back(backup, stored, there, replace=True)
        assert lasting(there.rows()) == lasting(here.rows())


def test_an_older_schema_is_upgraded(stored: StoredBackups, tmp_path: Path) -> None:
    with service(Settings(data=tmp_path / "old")) as old:
        go_back(old.repository, known_revisions()[-3], SCAN_AND_JOB)
        backup = take(old, stored)
    assert backup.manifest.revision == known_revisions()[-3]
    with service(Settings(data=tmp_path / "there"), empty=True) as there:
        put_back(backup, stored, there)
        assert there.repository.database.revision() == known_revisions()[0]
        (job,) = there.rows()["jobs"]
        assert (job["id"], job["state"], job["preparing"]) == ("j", "succeeded", False)
        assert there.repository.figures.read().jobs[JobState.SUCCEEDED] == 1


def test_a_newer_schema_is_refused(here: Service, stored: StoredBackups, tmp_path: Path) -> None:
    """In a backup, and in the database of which one is to be made."""
    manifest = take(here, stored).folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace(known_revisions()[0], "later"))
    with (
        service(Settings(data=tmp_path / "there")) as there,
        pytest.raises(BadRequest, match="later version"),
    ):
        put_back(stored.get(), stored, there)
    with here.repository.database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with (
        service(here.settings, empty=True) as again,
        pytest.raises(BadRequest, match="not one that this version"),
    ):
        take(again, stored)


def test_every_column_has_a_type_that_a_backup_can_write() -> None:
    for table in metadata.tables.values():
        for column in table.c:
            if not isinstance(column.type, (JSON, LargeBinary)):
                assert column.type.python_type in (str, int, float, bool), str(column)


def test_a_path_out_of_the_folder_is_refused(
    here: Service, stored: StoredBackups, tmp_path: Path
) -> None:
    data_file(here.settings, "models/mine/card.json", b"{}")
    backup = take(here, stored)
    backup.files[0] = type(backup.files[0])("models/../../x", "0" * 64, 2, 0o600)
    with (
        service(Settings(data=tmp_path / "there"), empty=True) as there,
        pytest.raises(DamagedFile),
    ):
        put_back(backup, stored, there)
    assert not os.path.lexists(tmp_path / "x")
    with here.repository.database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 3
