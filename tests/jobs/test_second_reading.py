"""Second readings: what readers see, who decides, and that nothing is lost, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from imaging.errors import BadRequest, Conflict, Forbidden, NewerReview, NotFound, TesseraError
from jobs.image_name import ImageName
from jobs.job_filter import JobFilter, Verdict
from jobs.repository import Repository
from jobs.review import Role
from jobs.second_reading import (
    ReadingState,
    reader_key,
    sample,
)
from jobs.webhook import WebhookEvent
from tests.support.finished_rows import add_finished
from tests.support.second_readings import (
    DRAWN,
    conclude,
    ids,
    judge,
    listed,
    put_up,
    review_of,
)

SESSION = ImageName("ada", "session", "scan", 1.0, 1.0, 2.0, owns_scan=True)


@pytest.fixture
def read(stocked: Repository) -> Repository:
    """With ada's finished job `job`, which is put up for a second reading."""
    add_finished(stocked, "job")
    put_up(stocked, "job")
    return stocked


def test_readers_see_only_their_own_until_both_have_read(read: Repository) -> None:
    judge(read, review_of("a", "Ann", "rejected"))
    assert ids(read) == ids(read, "Bob") == []
    assert ids(read, " ANN ") == ids(read, None) == ["a"]
    assert listed(read) == (None, None, "open", 1)
    counts = read.worklist.counts("ada")
    assert (counts.verdicts, counts.reviewers) == ({Verdict.TO_REVIEW: 1}, {})
    assert counts.readings == {ReadingState.OPEN: 1}
    judge(read, review_of("b", "Bob", "rejected"), seen="")
    assert ids(read) == ["a", "b"]
    assert listed(read) == ("rejected", "Bob", "complete", 2)
    reading = read.readings.get("ada", "job")
    assert (reading.review, reading.blind, reading.given) == ("b", True, 2)


def test_a_third_reader_decides_when_they_differ(read: Repository) -> None:
    judge(read, review_of("a", "Ann"))
    with pytest.raises(Conflict):
        judge(read, review_of("c", "Cem", role=Role.ADJUDICATION))
    judge(read, review_of("b", "Bob", "corrected", **DRAWN))
    assert listed(read) == (None, None, "adjudicate", 2)
    shown = read.reviews.of_job("ada", "job", "Cem")
    assert [one.reviewer for one in shown] == ["Reader 1", "Reader 2"]
    mine = [one.reviewer for one in read.reviews.of_job("ada", "job", "ann")]
    assert mine == ["Ann", "Reader 2"]
    with pytest.raises(Forbidden):
        judge(read, review_of("c", "bob", role=Role.ADJUDICATION))
    with pytest.raises(NewerReview):
        judge(read, review_of("c", "Cem", role=Role.ADJUDICATION), seen="a")
    with pytest.raises(NotFound):
        judge(read, review_of("c", "Cem", "corrected", role=Role.ADJUDICATION), mask_of="a")
    decided = review_of("c", "Cem", "corrected", role=Role.ADJUDICATION)
    added = judge(read, decided, seen="b", mask_of="b")
    assert (added.mask_sha256, added.tag, added.scan) == ("c" * 64, "final", "scan")
    assert listed(read) == ("corrected", "Cem", "complete", 2)
    assert [one.reviewer for one in read.reviews.of_job("ada", "job")] == ["Ann", "Bob", "Cem"]
    with pytest.raises(Conflict):
        read.reviews.withdraw("ada", "job", "a", "Ann", 1001.0)
    with pytest.raises(Conflict):
        read.labels.delete("ada", "scan", "final", None)
    assert read.labels.get("ada", "scan", "final").id == "c"
    read.reviews.withdraw("ada", "job", "c", "Cem", 1001.0)
    assert listed(read) == (None, None, "adjudicate", 2)
    assert read.labels.get("ada", "scan", "final").id == "b", "a withdrawn mask is no label"


def test_a_name_is_hidden_in_a_review_that_was_withdrawn(read: Repository) -> None:
    judge(read, review_of("a1", "Ann"))
    read.reviews.withdraw("ada", "job", "a1", "Ann", 1001.0)
    judge(read, review_of("a2", "Ann"))
    judge(read, review_of("b", "Bob", "rejected"))

    def withdrawn_again(reader: str) -> str:
        return read.reviews.withdraw("ada", "job", "a1", reader, 1002.0).reviewer

    assert (withdrawn_again("Cem"), withdrawn_again("Ann")) == ("Reader 1", "Ann")


def test_a_verdict_is_changed_and_withdrawn_while_it_is_blind(read: Repository) -> None:
    judge(read, review_of("a1", "Ann"))
    judge(read, review_of("a2", "ann", "rejected"), seen="a1")
    assert listed(read) == (None, None, "open", 1)
    with pytest.raises(NotFound):
        read.reviews.withdraw("ada", "job", "a2", "Bob", 1001.0)
    with pytest.raises(NotFound):
        read.reviews.withdraw("ada", "job", "a2", "", 1001.0)
    read.reviews.withdraw("ada", "job", "a2", "Ann", 1001.0)
    assert read.readings.get("ada", "job").given_by == {"ann"}
    read.reviews.withdraw("ada", "job", "a1", "Ann", 1001.0)
    assert listed(read) == (None, None, "open", 0)


def test_a_reading_withdrawn_after_all_were_shown_is_recorded(read: Repository) -> None:
    judge(read, review_of("a", "Ann"))
    judge(read, review_of("b", "Bob"))
    read.reviews.withdraw("ada", "job", "b", "Bob", 1001.0)
    assert listed(read) == (None, None, "open", 1)
    assert ids(read, "Bob") == ["b"]
    assert not read.readings.get("ada", "job").blind
    judge(read, review_of("b2", "Bob", "rejected"))
    assert listed(read) == (None, None, "adjudicate", 2)


def test_the_verdict_of_a_job_is_its_first_reading(stocked: Repository) -> None:
    add_finished(stocked, "job")
    judge(stocked, review_of("old", "Cem", "rejected"))
    judge(stocked, review_of("a", "Ann"))
    put_up(stocked, "job")
    assert listed(stocked) == (None, None, "open", 1)
    assert (ids(stocked, "Bob"), ids(stocked, "Ann"), ids(stocked, "Cem")) == ([], ["a"], ["old"])
    judge(stocked, review_of("b", "Bob"))
    assert listed(stocked) == ("accepted", "Bob", "complete", 2)
    assert not stocked.readings.get("ada", "job").blind


def test_a_cancelled_second_reading_leaves_the_newest_verdict(read: Repository) -> None:
    judge(read, review_of("a", "Ann", "rejected"))
    with pytest.raises(Forbidden):
        read.readings.cancel("ada", "job", may_unblind=False)
    read.readings.cancel("ada", "job")
    assert ids(read, "Bob") == ["a"]
    assert listed(read) == ("rejected", "Ann", None, None)
    for missing in (read.readings.cancel, read.readings.get):
        with pytest.raises(NotFound):
            missing("ada", "job")
    put_up(read, "job")
    judge(read, review_of("b", "Bob", "rejected"))
    with pytest.raises(Conflict):
        read.readings.cancel("ada", "job")


def test_who_looks_early_is_recorded_and_reads_no_more(read: Repository) -> None:
    judge(read, review_of("a", "Ann"))
    with pytest.raises(Conflict):
        read.readings.unblind("ada", "job", "Ann", 5.0)
    assert [one.id for one in read.readings.unblind("ada", "job", "Chief", 5.0)] == ["a"]
    assert (ids(read, "chief"), ids(read, "Bob")) == (["a"], [])
    with pytest.raises(Forbidden):
        judge(read, review_of("x", "Chief"))
    (look,) = read.readings.get("ada", "job").unblindings
    assert (look.reader, look.at) == ("Chief", 5.0)


def test_reviews_without_a_name_are_refused(read: Repository) -> None:
    with pytest.raises(BadRequest):
        judge(read, review_of("x", " "))
    add_finished(read, "other")
    with pytest.raises(Conflict):
        judge(read, review_of("x", "Ann", role=Role.ADJUDICATION, job="other"))
    assert ids(read, None) == []


def test_labels_are_hidden_as_reviews_are(read: Repository) -> None:
    drawn = {**DRAWN, "info": {"client_id": "Ann", "label_info": []}}
    judge(read, review_of("a", "Ann", "corrected", **drawn))
    by_hand = review_of("hand", "Ann", "corrected", **{**DRAWN, "tag": "x", "job": None})
    read.reviews.add("ada", replace(by_hand, scan="scan"))
    assert [one.id for one in read.labels.newest(["scan"], None)] == ["a", "hand"]
    assert [one.id for one in read.labels.newest(["scan"], "Ann")] == ["a", "hand"]
    for reader in ("", "Bob"):
        assert read.labels.newest(["scan"], reader) == []
        assert read.labels.counts("ada", reader).tags == {}
        scan = read.labels.next_scan("ada", reader, at_random=False)
        assert scan is not None, "the second reader has not completed it"
        with pytest.raises(NotFound):
            read.labels.get("ada", "scan", "final", reader)
        with pytest.raises(NotFound):
            read.labels.delete("ada", "scan", "final", reader)
        with pytest.raises(NotFound):
            read.reviews.with_mask("ada", "job", "a", reader)
    assert read.labels.counts("ada", "Ann").completed == 1
    assert read.sessions.has_reader_work(SESSION), "an expired session does not delete it"
    judge(read, review_of("b", "Bob"))
    label = read.labels.get("ada", "scan", "final", "Bob")
    assert (label.reviewer, label.info) == ("Reader 1", {"label_info": []})


def test_lists_find_what_waits_for_a_reader(read: Repository) -> None:
    for name in ("two", "three", "plain"):
        add_finished(read, name)
    put_up(read, "two")
    put_up(read, "three")
    judge(read, review_of("a", "An%n"))
    judge(read, review_of("a2", "Ann", job="two"))
    judge(read, review_of("b2", "Bob", "rejected", job="two"))

    def found(**wanted: object) -> set[str]:
        page, _ = read.worklist.page("ada", JobFilter(**wanted))  # type: ignore[arg-type]
        return {job.id for job in page}

    waiting = (ReadingState.OPEN,)
    assert found(readings=waiting) == {"job", "three"}
    assert found(readings=(ReadingState.ADJUDICATE,)) == {"two"}
    assert found(readings=waiting, unread_by="an%n") == {"three"}
    assert found(readings=waiting, unread_by="A%n") == {"job", "three"}
    assert found(unread_by="Ann") == {"job", "three"}
    assert found(unread_by="") == {"job", "two", "three"}
    assert read.readings.without("ada", JobFilter()) == ["plain"]
    assert read.readings.without("bob", JobFilter()) == []


def test_stages_are_announced_once(read: Repository) -> None:
    judge(read, review_of("a", "Ann"))
    judge(read, review_of("b", "Bob", "rejected"))
    judge(read, review_of("c", "Cem", role=Role.ADJUDICATION))
    events: list[tuple[WebhookEvent, str | None]] = []

    def compose(stages: object) -> list[object]:
        events.extend((one.event, one.verdict) for one in stages)  # type: ignore[attr-defined]
        return []

    assert read.reading_stages.announce(compose) == 3  # type: ignore[arg-type]
    assert read.reading_stages.announce(compose) == 0  # type: ignore[arg-type]
    assert events == [
        (WebhookEvent.READING_REQUESTED, None),
        (WebhookEvent.READING_DISAGREED, None),
        (WebhookEvent.READING_COMPLETED, "accepted"),
    ]


def test_a_scan_is_deleted_with_its_second_reading(read: Repository) -> None:
    judge(read, review_of("a", "Ann"))
    read.scans.delete("ada", "scan")
    with pytest.raises(NotFound):
        read.readings.get("ada", "job")
    assert read.worklist.counts("ada").total == 0
    assert not read.sessions.has_reader_work(SESSION)


def test_two_second_readers_at_once(stocked: Repository) -> None:
    """Both verdicts are kept. One is the second reading, the other one is surplus."""
    with ThreadPoolExecutor(2) as pool:
        for turn in range(10):
            job = f"job{turn}"
            add_finished(stocked, job)
            put_up(stocked, job)
            stocked.reviews.add("ada", review_of(f"{job}-a", "Ann", job=job))
            barrier = Barrier(2)

            def give(reader: str, job: str = job, at: Barrier = barrier) -> Role | None:
                review = review_of(f"{job}-{reader}", reader, job=job)
                at.wait()
                return stocked.reviews.add("ada", review, seen="").role

            assert set(pool.map(give, ("Bob", "Cem"))) == {Role.READING, Role.SURPLUS}
            conclude(stocked, job)
            assert len(ids(stocked, None, job)) == 3
            verdict, reviewer, state, given = listed(stocked, job)
            assert (verdict, state, given) == ("accepted", "complete", 2)
            assert reviewer in ("Bob", "Cem")


def test_a_sample_is_repeatable_and_grows() -> None:
    known = [f"job{n}" for n in range(50)]
    tenth = sample(known, 0.1, 7)
    assert (len(tenth), sample(known, 0.1, 7)) == (5, tenth)
    assert tenth == [one for one in known if one in tenth]
    assert set(tenth) < set(sample(known, 0.3, 7))
    assert sample(known, 0.1, 8) != tenth
    assert (len(sample(known[:3], 0.01, 1)), sample([], 0.5, 1), sample(known, 1, 1)) == (
        1,
        [],
        known,
    )


def test_names_are_compared_as_people_do() -> None:
    assert reader_key("  Dr.  Ångström ") == reader_key("DR. ångström") != reader_key("Angstrom")
    assert reader_key("\n") == ""


def test_errors_have_three_parts(read: Repository) -> None:
    with pytest.raises(TesseraError) as caught:
        read.reviews.add("ada", review_of("c", "Cem", role=Role.ADJUDICATION))
    assert caught.value.expected
    assert caught.value.hint
