"""Drafts of corrections as rows: nothing acknowledged is lost, and nothing is left behind."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import delete, func, select, text, update

from imaging.editable_mask import LabelChange
from imaging.errors import (
    BadRequest,
    Conflict,
    DraftChanged,
    DraftOpen,
    Forbidden,
    NewerReview,
    NotFound,
    ScanTooLarge,
    StorageFull,
)
from jobs.blob_collector import BlobCollector
from jobs.blobs import open_blobs
from jobs.draft import ChangeSet, Draft, DraftBase, DraftState
from jobs.repository import Repository
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import draft_changes, drafts
from jobs.review import Review, Role
from jobs.settings import Settings
from tests.support.disk import fill, mounted
from tests.support.finished_rows import add_finished
from tests.support.rows import make_job, make_scan
from tests.support.second_readings import DRAWN, ids, judge, listed, put_up, review_of

BASE = DraftBase(None, 6000, (1, 2), None)
MASK = {"mask_sha256": "d" * 64, "mask_format": "nifti", "tag": "final"}


@pytest.fixture
def ready(stocked: Repository) -> Repository:
    """With ada's finished job `job`."""
    add_finished(stocked, "job")
    return stocked


def begin(repository: Repository, reader: str = "Ann", base: str | None = None) -> Draft:
    return repository.drafts.begin("ada", "job", reader, DraftBase(base, 6000, (1, 2), None))


def append(
    repository: Repository, draft: Draft, number: int, packed: bytes = b"x", painted: int = 5
) -> Draft:
    changes = ChangeSet(number, packed, sha256(packed).hexdigest(), 1, painted, 0.5)
    return repository.drafts.append("ada", "job", draft.reader, draft.id, changes)


def save(
    repository: Repository, draft: Draft, known: int, seen: str | None = None, **more: object
) -> Review:
    review = review_of(draft.id, draft.reader, "corrected", **(MASK | more))
    state = DraftState(draft.id, draft.reader, known)
    return repository.reviews.add("ada", review, seen, draft=state)


def rows(repository: Repository) -> tuple[int, int]:
    """Numbers of drafts and of their sets."""
    with repository.database.read() as connection:
        return tuple(  # type: ignore[return-value]
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (drafts, draft_changes)
        )


def test_sets_are_read_in_their_order(ready: Repository) -> None:
    draft = begin(ready)
    assert (draft.labels, draft.mask_sha256, draft.changes) == ((1, 2), "a" * 64, 0)
    for number in range(1, 13):
        draft = append(ready, draft, number, bytes([number]) * number)
    assert ready.drafts.get("ada", "job", "ann") == draft
    assert (draft.bytes, draft.runs, draft.painted, draft.seconds) == (78, 12, 60, 6.0)
    assert list(ready.drafts.change_sets(draft)) == [bytes([n]) * n for n in range(1, 13)]
    ready.drafts.give_up("ada", "job", "Ann", draft.id)
    with pytest.raises(NotFound):
        next(ready.drafts.change_sets(draft))
    assert rows(ready) == (0, 0)


def test_only_one_of_two_pages_goes_on(ready: Repository) -> None:
    """Both send the first set at once, with other changes, or the same one twice."""
    draft, start = begin(ready), Barrier(6)

    def send(number: int) -> str:
        start.wait()
        try:
            return str(append(ready, draft, 1, bytes([number % 3])).changes)
        except DraftChanged:
            return "refused"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(send, range(6))) == ["1", "1", *["refused"] * 4]
    assert rows(ready) == (1, 1)


def test_a_draft_is_begun_once(ready: Repository) -> None:
    start = Barrier(6)

    def go(_: int) -> str:
        start.wait()
        return begin(ready).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(go, range(6)))) == 1
    assert rows(ready) == (1, 0)


def test_a_draft_is_saved_and_deleted_in_one_transaction(ready: Repository) -> None:
    draft = append(ready, begin(ready), 1)
    with pytest.raises(DraftChanged):
        save(ready, draft, 0)
    judge(ready, review_of("other", "Bob", "rejected"))
    with pytest.raises(NewerReview):
        save(ready, draft, 1, seen="")
    assert rows(ready) == (1, 1)
    changes = (LabelChange(1, 2, 3),)
    saved = save(ready, draft, 1, "other", base="other", seconds=2.5, changes=changes)
    assert rows(ready) == (0, 0)
    found = ready.reviews.of_job("ada", "job")[-1]
    assert found == saved
    assert (found.base, found.seconds, found.changes) == ("other", 2.5, changes)
    assert listed(ready)[:2] == ("corrected", "Ann")
    with pytest.raises(NotFound):
        save(ready, draft, 1)


def test_a_verdict_on_another_mask_discards_a_draft_that_it_names(ready: Repository) -> None:
    """A caller who says nothing about drafts is not hindered, and the draft stays."""
    draft = append(ready, begin(ready), 1)
    accept = partial(ready.reviews.add, "ada")
    accept(review_of("silent", "Ann", "accepted"))
    accept(review_of("bobs", "Bob", "accepted"), discards="")
    for discards in ("", "another"):
        with pytest.raises(DraftOpen):
            accept(review_of("refused", "Ann", "accepted"), discards=discards)
    assert rows(ready) == (1, 1)
    assert ready.drafts.of_project("ada", " ann", 9) == (ready.drafts.get("ada", "job", "Ann"),)
    assert ready.drafts.of_project("ada", "Ann", 0) == ()
    for project, reader in (("bob", "Ann"), ("ada", "Bob")):
        assert ready.drafts.of_project(project, reader, 9) == ()
    accept(review_of("knowing", "Ann", "rejected"), discards=draft.id)
    assert rows(ready) == (0, 0)
    assert ids(ready) == ["silent", "bobs", "knowing"]
    begin(ready)  # without changes there is nothing to lose
    accept(review_of("again", "Ann", "accepted"), discards="")
    assert ready.drafts.of_project("ada", "Ann", 9) == ()


def test_two_requests_save_a_draft_once(ready: Repository) -> None:
    draft, start = append(ready, begin(ready), 1), Barrier(4)

    def go(_: int) -> bool:
        start.wait()
        try:
            save(ready, draft, 1)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(go, range(4))) == 1
    assert ids(ready) == [draft.id]


def test_drafts_of_other_readers_and_projects(ready: Repository) -> None:
    ann, nobody = begin(ready), begin(ready, "")
    assert ann.id != nobody.id
    assert begin(ready, "  ann ").id == ann.id
    with pytest.raises(NotFound):
        ready.drafts.get("ada", "job", "Bob")
    with pytest.raises(DraftChanged):
        ready.drafts.get("ada", "job", "", ann.id)
    others = (
        lambda: ready.drafts.get("bob", "job", "Ann"),
        lambda: ready.drafts.begin("bob", "job", "Ann", BASE),
        lambda: ready.drafts.give_up("bob", "job", "Ann"),
        lambda: ready.drafts.append("bob", "job", "Ann", ann.id, ChangeSet(1, b"", "", 0, 0, 0.0)),
        lambda: ready.reviews.add(
            "bob", review_of(ann.id, "Ann", "corrected"), draft=DraftState(ann.id, "Ann", 0)
        ),
    )
    for other in others:
        with pytest.raises(NotFound, match="no such job"):
            other()
    assert rows(ready) == (2, 0)


def test_a_draft_goes_with_its_scan(ready: Repository) -> None:
    """Also if code of an earlier version deletes the job, which knows no drafts."""
    append(ready, begin(ready), 1)
    ready.scans.delete("ada", "scan")
    assert rows(ready) == (0, 0)
    ready.scans.add(make_scan())
    add_finished(ready, "job")
    append(ready, begin(ready), 1)
    with ready.database.write() as connection:
        for table in ("job_scans", "deliveries"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(delete(jobs))
    assert rows(ready) == (0, 0)


def test_drafts_expire(ready: Repository) -> None:
    draft = append(ready, begin(ready), 1)
    fresh = begin(ready, "Bob")
    with ready.database.write() as connection:
        this = update(drafts).where(drafts.c.id == draft.id)
        connection.execute(this.values(updated_at=drafts.c.updated_at - 100))
    assert ready.drafts.remove_expired(1000.0) == 0
    assert begin(ready).updated_at >= fresh.updated_at, "opening it counts"
    assert ready.drafts.remove_expired(50.0) == 0
    with ready.database.write() as connection:
        connection.execute(this.values(updated_at=drafts.c.updated_at - 100))
    assert ready.drafts.remove_expired(50.0) == 1
    assert rows(ready) == (1, 0)
    assert ready.drafts.get("ada", "job", "Bob").id == fresh.id


def test_the_base_of_a_draft_is_kept(ready: Repository, tmp_path: Path) -> None:
    """Also if the review that it belongs to is deleted as a label meanwhile."""
    blobs = open_blobs(settings := Settings(data=tmp_path, blob_grace_s=0.0))
    (tmp_path / "mask").write_bytes(b"mask")
    mask = blobs.put(tmp_path / "mask")
    drawn = DRAWN | {"mask_sha256": mask}
    ready.reviews.add("ada", review_of("first", "Bob", "corrected", **drawn))
    draft = begin(ready, base="first")
    assert (draft.base, draft.mask_sha256) == ("first", mask)
    assert ready.labels.delete("ada", "scan", "final", None) == []
    collector = BlobCollector(ready.references, blobs, settings)
    assert sum(collector.collect()) == 0
    save(ready, append(ready, draft, 1), 1)
    assert sum(collector.collect()) == 1
    for base in ("first", "none"):
        with pytest.raises(NotFound, match="no such corrected mask"):
            begin(ready, base=base)


def test_drafts_in_a_second_reading(ready: Repository) -> None:
    """Nobody begins with a mask that must stay hidden, or in vain."""
    put_up(ready, "job")
    judge(ready, review_of("a", "Ann", "corrected", **DRAWN))
    with pytest.raises(BadRequest, match="no name"):
        begin(ready, " ")
    with pytest.raises(NotFound):
        begin(ready, "Bob", base="a")
    assert begin(ready, "ANN", base="a").base == "a"
    draft = append(ready, begin(ready, "Bob"), 1)
    saved = save(ready, draft, 1)
    assert saved.role is Role.READING
    ready.readings.unblind("ada", "job", "Cem", 1000.0)
    with pytest.raises(Forbidden):
        begin(ready, "Cem")


def test_a_reader_decides_with_a_mask_of_their_own(ready: Repository) -> None:
    put_up(ready, "job")
    judge(ready, review_of("a", "Ann"))
    judge(ready, review_of("b", "Bob", "rejected"))
    draft = append(ready, begin(ready, "Cem"), 1)
    assert save(ready, draft, 1, role=Role.ADJUDICATION).role is Role.ADJUDICATION
    assert listed(ready)[:3] == ("corrected", "Cem", "complete")


def test_a_job_without_a_mask(stocked: Repository) -> None:
    stocked.jobs.add(make_job())
    with pytest.raises(Conflict, match="no mask"):
        begin(stocked)
    with pytest.raises(NotFound):
        stocked.drafts.get("ada", "job", "Ann")


def test_a_draft_that_becomes_too_large(ready: Repository) -> None:
    draft = begin(ready)
    append(ready, draft, 1, painted=1 << 32)
    with pytest.raises(ScanTooLarge, match="changed voxels"):
        append(ready, draft, 2, painted=1)
    assert append(ready, draft, 2, painted=0).changes == 2


@pytest.mark.process
def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", 4) as folder:
        (folder / "ballast").write_bytes(bytes(1 << 20))
        repository = Repository(f"sqlite:///{folder / 'tessera.db'}")
        repository.migrate()
        repository.scans.add(make_scan())
        add_finished(repository, "job")
        draft, packed = begin(repository), random.Random(1).randbytes(1 << 18)
        with suppress(StorageFull):
            while draft.changes < 100:
                draft = append(repository, draft, draft.changes + 1, packed)
        assert 1 < draft.changes < 20
        (folder / "ballast").unlink()
        assert repository.drafts.get("ada", "job", "Ann") == draft
        assert list(repository.drafts.change_sets(draft)) == [packed] * draft.changes
        append(repository, draft, draft.changes + 1, packed)
        repository.close()
        fill(folder)
        full = Repository(f"sqlite:///{folder / 'tessera.db'}")
        with pytest.raises(StorageFull, match="disk of the database is full"):
            full.accounts.add_project("new")
        full.close()
