"""Verdicts on many jobs at once, on both databases: all of it or nothing, and never twice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update

from imaging.errors import Conflict, Forbidden, NotFound
from jobs.batch_review import BatchReview, JobOutcome, Outcome
from jobs.draft import ChangeSet, DraftBase
from jobs.repository import Repository
from jobs.repository.schema.worklist_tables import worklist
from jobs.review import WITHDRAWAL_S, Reason, Review
from tests.support.finished_rows import add_finished
from tests.support.rows import make_job, make_scan

NOW = 5_000.0


@pytest.fixture
def mixed(stocked: Repository) -> Repository:
    """One job of each kind."""
    for name in ("new", "seen", "unseen"):
        add_finished(stocked, name)
    add_finished(stocked, "odd", {"doubts": [{"kind": "modality"}], "warnings": ["It is CT."]})
    add_finished(stocked, "warned", {"doubts": [], "warnings": ["Memory was short."]})
    stocked.jobs.add(make_job("waits"))
    for job in ("seen", "unseen"):
        review = Review(f"of-{job}", job, "rejected", "", "Eve", 1.0)
        stocked.reviews.add("ada", review)
    stocked.scans.add(make_scan("theirs", "bob"))
    add_finished(stocked, "of-bob", project="bob", scans={"t1": "theirs"})
    return stocked


SEEN = {
    "new": "",
    "seen": "of-seen",
    "unseen": "",
    "odd": "",
    "warned": "",
    "waits": "",
    "of-bob": "",
    "nonesuch": "",
}


def batch(**changes: Any) -> BatchReview:
    wanted = BatchReview("b", "ada", "accepted", (), "Seen.", "Ada", NOW, SEEN)
    return replace(wanted, **changes)


def outcomes(given: list[JobOutcome]) -> str:
    assert [one.job for one in given] == list(SEEN)
    assert all((one.review is not None) == (one.outcome is Outcome.DONE) for one in given)
    return " ".join(one.outcome for one in given)


def verdicts(repository: Repository) -> list[str | None]:
    return [job.verdict for job in repository.jobs.many(sorted(SEEN)[:-2])]


LEFT = "unfinished not-found not-found"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, f"done reviewed newer-review doubted done {LEFT}"),
        ({"with_doubts": True}, f"done reviewed newer-review done done {LEFT}"),
        ({"replace": True}, f"done done newer-review doubted done {LEFT}"),
        (
            {"verdict": "rejected", "reasons": (Reason.LEAK,)},
            f"done reviewed newer-review done done {LEFT}",
        ),
    ],
)
def test_what_is_left_out(mixed: Repository, changes: dict[str, Any], expected: str) -> None:
    """Nothing of it is changed; the others have their review, with all that was said."""
    wanted = batch(**changes)
    _, given = mixed.batch_reviews.add(wanted)
    assert outcomes(given) == expected
    for one in given:
        if one.outcome is Outcome.NOT_FOUND:
            continue
        newest = mixed.reviews.of_job("ada", one.job)[-1:]
        if one.review is None:
            assert [review.reviewer for review in newest] in ([], ["Eve"])
            continue
        assert mixed.jobs.get("ada", one.job).verdict == wanted.verdict
        assert newest == [
            Review(one.review, one.job, wanted.verdict, "Seen.", "Ada", NOW, reasons=wanted.reasons)
        ]
        listed = mixed.worklist.listed([one.job])[one.job]
        assert (listed.reviewer, listed.review) == ("Ada", one.review)


def test_a_job_with_a_draft_of_the_reader_is_left_out(mixed: Repository) -> None:
    for reader, job in (("ada ", "new"), ("Eve", "warned"), ("Ada", "seen")):
        draft = mixed.drafts.begin("ada", job, reader, DraftBase(None, 9, (1,), None))
        changes = ChangeSet(1, b"x", "0" * 64, 1, 1, 0.0)
        mixed.drafts.append("ada", job, reader, draft.id, changes)
    _, given = mixed.batch_reviews.add(batch(leave_drafts=True))
    assert outcomes(given) == f"draft reviewed newer-review doubted done {LEFT}"
    assert outcomes(mixed.batch_reviews.add(batch(id="b2"))[1]).startswith("done")


def test_a_repeated_request_adds_no_review(mixed: Repository) -> None:
    first = mixed.batch_reviews.add(batch(), "key")
    again = mixed.batch_reviews.add(batch(id="other", created_at=NOW + 1), "key")
    assert again == first
    assert len(mixed.reviews.of_job("ada", "new")) == 1
    with pytest.raises(Conflict, match="Idempotency-Key"):
        mixed.batch_reviews.add(batch(verdict="rejected"), "key")
    later = batch(id="later", created_at=NOW + 2 * 24 * 3600)
    assert outcomes(mixed.batch_reviews.add(later, "key")[1]).startswith("newer-review")


def test_one_request_many_times_at_once(mixed: Repository) -> None:
    """And different ones at the same time: each job gets one review."""
    with ThreadPoolExecutor(6) as pool:
        same = [pool.submit(mixed.batch_reviews.add, batch(id=f"b{n}"), "key") for n in range(3)]
        others = [pool.submit(mixed.batch_reviews.add, batch(id=f"c{n}")) for n in range(3)]
        assert len({str(one.result()) for one in same}) == 1
        assert all(one.result() for one in others)
    for job in ("new", "warned"):
        assert len(mixed.reviews.of_job("ada", job)) == 1


def test_a_batch_is_withdrawn(mixed: Repository) -> None:
    """Verdicts are as before; a newer review of another reader stays."""
    before = verdicts(mixed)
    name, given = mixed.batch_reviews.add(batch(replace=True, with_doubts=True))
    newer = Review("newer", "warned", "rejected", "", "Eve", NOW)
    mixed.reviews.add("ada", newer)
    done = {one.job for one in given if one.outcome is Outcome.DONE}
    assert done == {"new", "seen", "odd", "warned"}
    assert set(mixed.batch_reviews.withdraw("ada", name, "", NOW + 1)) == done
    assert mixed.batch_reviews.withdraw("ada", name, "", NOW + 2) == []
    assert mixed.jobs.get("ada", "warned").verdict == "rejected"
    mixed.reviews.withdraw("ada", "warned", "newer", "", NOW + 3)
    assert verdicts(mixed) == before
    assert mixed.worklist.listed(["seen"])["seen"].review == "of-seen"
    assert mixed.worklist.listed(["new"])["new"].review is None


def test_what_cannot_be_withdrawn(mixed: Repository) -> None:
    name, _ = mixed.batch_reviews.add(batch())
    with pytest.raises(Forbidden):
        mixed.batch_reviews.withdraw("ada", name, "Eve", NOW)
    with pytest.raises(Conflict):
        mixed.batch_reviews.withdraw("ada", name, "Ada", NOW + WITHDRAWAL_S + 1)
    for project, batch_id in (("bob", name), ("ada", "nonesuch")):
        with pytest.raises(NotFound):
            mixed.batch_reviews.withdraw(project, batch_id, "", NOW)
    assert mixed.jobs.get("ada", "new").verdict == "accepted"


def test_a_job_of_unusual_size_is_doubted(mixed: Repository) -> None:
    with mixed.database.write() as connection:
        connection.execute(update(worklist).where(worklist.c.seq == 1).values(unusual=1))
    assert outcomes(mixed.batch_reviews.add(batch())[1]).startswith("doubted")
