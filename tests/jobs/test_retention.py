"""Rules of retention and legal holds as rows, on both databases."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import update

from imaging.errors import BadRequest, Conflict, LegalHold, NotFound
from imaging.scan_display import ScanDisplay
from jobs.draft import DraftBase
from jobs.repository import Repository, retention_reports
from jobs.repository.schema.job_tables import jobs
from jobs.repository.schema.review_tables import drafts
from jobs.retention.due import Due
from jobs.retention.hold import HoldKind
from jobs.retention.report import ReportKind, Tally
from jobs.retention.rule import BASES, SERVICE, Basis, RetentionKind, RetentionRule
from jobs.review import Review
from jobs.stored_scan import StoredScan
from tests.support.finished_rows import add_finished

DAY = 86_400.0
NOW = 100 * DAY
SUBJECT = "QK5Z2M7AY3XW4B6C"
TARGETS = {
    RetentionKind.SCANS: "due_scans",
    RetentionKind.MASKS: "due_jobs",
    RetentionKind.PREVIEWS: "due_previews",
    RetentionKind.DRAFTS: "due_drafts",
}


def rule(kind: RetentionKind, days: float, basis: Basis | None = None) -> RetentionRule:
    return RetentionRule("ada", kind, basis or BASES[kind][0], days * DAY)


def due(repository: Repository, wanted: RetentionRule) -> list[Due]:
    return list(getattr(repository, TARGETS[wanted.kind]).due(wanted, NOW))


def ids(found: Iterable[Due]) -> list[str]:
    return [one.id for one in found]


def set_times(repository: Repository, table: Any, where: Any, **times: float) -> None:
    with repository.database.write() as connection:
        connection.execute(update(table).where(where).values(**times))


@pytest.fixture
def aged(repository: Repository, scan_of: Callable[..., StoredScan]) -> Repository:
    """Three scans of day 10, one of a patient. Job `old` ended on day 20, its preview is a blob,
    and a review is of day 50, a draft of day 60; `busy` waits."""
    display: ScanDisplay | None = ScanDisplay(subject=SUBJECT)
    repository.accounts.add_project("ada")
    for name in ("read", "plain", "used"):
        repository.scans.add(scan_of(name, created_at=10 * DAY, bytes=100, display=display))
        display = None
    add_finished(repository, "old", scans={"t1": "read"})
    add_finished(repository, "new", scans={"t1": "plain"})
    set_times(repository, jobs, jobs.c.id == "new", finished_at=90 * DAY)
    own = jobs.c.id == "old"
    set_times(repository, jobs, own, finished_at=20 * DAY, created_at=15 * DAY, mask_bytes=7)
    with repository.database.write() as connection:
        connection.execute(update(jobs).where(own).values(preview_sha256="b" * 64))
    review = Review("review", "old", "accepted", "", "Ann", 50 * DAY)
    repository.reviews.add("ada", review)
    repository.drafts.begin("ada", "old", "Ann", DraftBase(None, 6000, (1,), None))
    set_times(repository, drafts, drafts.c.job == "old", updated_at=60 * DAY)
    return repository


def test_what_is_due_depends_on_the_rule(aged: Repository) -> None:
    scans, masks = RetentionKind.SCANS, RetentionKind.MASKS
    assert ids(due(aged, rule(scans, 89))) == ["read", "plain", "used"]
    assert ids(due(aged, rule(scans, 91))) == []
    assert ids(due(aged, rule(scans, 49, Basis.LAST_REVIEW))) == ["read"]
    assert ids(due(aged, rule(scans, 51, Basis.LAST_REVIEW))) == []
    assert ids(due(aged, rule(scans, 41, Basis.LAST_USE))) == ["used"]
    assert ids(due(aged, rule(scans, 39, Basis.LAST_USE))) == ["read", "used"]
    assert ids(due(aged, rule(masks, 79))) == ["old"]
    assert ids(due(aged, rule(masks, 49, Basis.LAST_REVIEW))) == ["old"]
    assert ids(due(aged, rule(masks, 41, Basis.LAST_USE))) == []
    assert ids(due(aged, rule(RetentionKind.PREVIEWS, 79))) == ["old"]
    assert len(due(aged, rule(RetentionKind.DRAFTS, 39))) == 1
    assert due(aged, rule(RetentionKind.DRAFTS, 41)) == []
    (read, *_) = due(aged, rule(scans, 89))
    assert (read.bytes, dict(read.jobs)["old"].bytes, read.at) == (100, 7, 10 * DAY)


def test_a_scan_of_a_job_that_waits_is_not_due(
    aged: Repository, job_of: Callable[..., Any]
) -> None:
    aged.jobs.add(job_of("busy", scans={"t1": "used"}))
    assert ids(due(aged, rule(RetentionKind.SCANS, 89))) == ["read", "plain"]


def test_deleted_things_are_counted_in_the_same_transaction(
    aged: Repository, scan_of: Callable[..., StoredScan]
) -> None:
    report = aged.retention_reports.begin(ReportKind.RULES, "test")
    for kind, days in ((RetentionKind.PREVIEWS, 79), (RetentionKind.DRAFTS, 39)):
        for item in due(aged, rule(kind, days)):
            getattr(aged, TARGETS[kind]).delete("ada", item, report)
    assert aged.jobs.by_id("old").preview_sha256 is None
    (read,) = due(aged, rule(RetentionKind.SCANS, 39, Basis.LAST_REVIEW))
    unused = aged.due_scans.delete("ada", read, report)
    assert unused == [scan_of("read").sha256], "another job has the same mask"
    with pytest.raises(NotFound):
        aged.due_scans.delete("ada", read, report)
    tallies = aged.retention_reports.finish(report).tallies
    assert tallies == {
        ("ada", "previews"): Tally(1, 0, 20 * DAY, 20 * DAY),
        ("ada", "drafts"): Tally(1, 0, 60 * DAY, 60 * DAY),
        ("ada", "scans"): Tally(1, 100, 50 * DAY, 50 * DAY),
        ("ada", "masks"): Tally(1, 7, 20 * DAY, 20 * DAY),
    }
    with pytest.raises(NotFound):
        aged.jobs.by_id("old")


HOLDS = {
    HoldKind.SCAN: "read",
    HoldKind.PATIENT: SUBJECT,
    HoldKind.PROJECT: "",
}


@pytest.mark.parametrize("kind", HOLDS)
def test_nothing_deletes_what_a_hold_covers(aged: Repository, kind: HoldKind) -> None:
    before = {one: due(aged, rule(one, 1)) for one in TARGETS}
    hold = aged.legal_holds.set("ada", kind, HOLDS[kind], "Case 17.", "Ada")
    report = aged.retention_reports.begin(ReportKind.RULES, "test")
    deletions: list[Callable[[], object]] = [
        lambda: aged.scans.delete("ada", "read"),
        lambda: aged.drafts.give_up("ada", "old", "Ann"),
        lambda: aged.labels.delete("ada", "read", "final"),
        *(
            lambda one=one: getattr(aged, TARGETS[one]).delete("ada", before[one][0], report)
            for one in TARGETS
        ),
    ]
    for deletion in deletions:
        with pytest.raises(LegalHold, match=r"Ada set on .*Case 17\.") as error:
            deletion()
        assert hold.id in error.value.hint
    aged.drafts.remove_expired(1.0)
    assert len(aged.drafts.of_reader("ada", "old", "Ann")) == 1
    covered = {"read", "old", *ids(before[RetentionKind.DRAFTS])}
    for one in TARGETS:
        assert covered.isdisjoint(ids(due(aged, rule(one, 1))))
    assert aged.scans.uses("ada", "read").holds == (hold,)
    if kind is HoldKind.PROJECT:
        with pytest.raises(LegalHold):
            aged.legal_holds.check_project("ada")
    else:
        aged.scans.delete("ada", "used")

    lifted = aged.legal_holds.lift(hold.id, "Bob", "ada")
    assert (lifted.lifted_by, lifted.in_force) == ("Bob", False)
    assert aged.legal_holds.all("ada") == []
    assert aged.legal_holds.all("ada", lifted=True) == [lifted]
    aged.scans.delete("ada", "read")


def test_a_scan_under_a_hold_keeps_the_jobs_that_use_others(
    aged: Repository, job_of: Callable[..., Any]
) -> None:
    add_finished(aged, "both", scans={"t1": "plain", "t2": "read"})
    aged.legal_holds.set("ada", HoldKind.SCAN, "read", "Case 17.", "Ada")
    with pytest.raises(LegalHold):
        aged.scans.delete("ada", "plain")
    assert ids(due(aged, rule(RetentionKind.SCANS, 89))) == ["used"]
    assert ids(due(aged, rule(RetentionKind.MASKS, 0))) == ["new"]


def test_holds_that_say_nothing(aged: Repository) -> None:
    holds = aged.legal_holds
    for kind, target, reason in (
        (HoldKind.SCAN, "", "why"),
        (HoldKind.PROJECT, "read", "why"),
        (HoldKind.SCAN, "read", " "),
    ):
        with pytest.raises(BadRequest):
            holds.set("ada", kind, target, reason, "Ada")
    with pytest.raises(NotFound):
        holds.set("ada", HoldKind.SCAN, "unknown", "why", "Ada")
    with pytest.raises(NotFound):
        holds.set("nobody", HoldKind.PROJECT, "", "why", "Ada")
    held = holds.set("ada", HoldKind.PROJECT, "", "why", "Ada")
    with pytest.raises(Conflict, match="already"):
        holds.set("ada", HoldKind.PROJECT, "", "why", "Ada")
    with pytest.raises(NotFound):
        holds.lift(held.id, "Bob", "bea")
    holds.lift(held.id, "Bob")
    with pytest.raises(Conflict, match="before"):
        holds.lift(held.id, "Bob")


def test_rules(aged: Repository) -> None:
    rules = aged.retention_rules
    rules.set(rule(RetentionKind.SCANS, 30))
    stored = rules.set(rule(RetentionKind.SCANS, 40, Basis.LAST_USE))
    trail = rules.set(
        RetentionRule(SERVICE, RetentionKind.AUDIT, Basis.CREATION, DAY, "command line")
    )
    assert rules.all("ada") == [trail, stored]
    assert rules.all("bea") == [trail]
    with pytest.raises(BadRequest, match="counted"):
        rules.set(rule(RetentionKind.INBOX, 1, Basis.LAST_REVIEW))
    with pytest.raises(BadRequest, match="audit"):
        rules.set(rule(RetentionKind.AUDIT, 1))
    with pytest.raises(NotFound):
        rules.set(RetentionRule("typo", RetentionKind.SCANS, Basis.CREATION, DAY))
    rules.unset("ada", RetentionKind.SCANS)
    with pytest.raises(NotFound):
        rules.unset("ada", RetentionKind.SCANS)


def test_one_run_at_a_time_and_an_interrupted_one_goes_on(
    aged: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports = aged.retention_reports
    first = reports.begin(ReportKind.RULES, "one")
    for kind in ReportKind:
        with pytest.raises(Conflict, match="at work"):
            reports.begin(kind, "two")
    assert not reports.interrupted()
    monkeypatch.setattr(retention_reports, "LEASE_S", -1.0)
    reports.renew(first)  # as if it had been silent for a lease
    assert reports.interrupted()
    assert reports.begin(ReportKind.RULES, "two") == first
    reports.count(first, ("ada", "inbox"), 5, 3.0)
    reports.count(first, ("bea", "inbox"), 6, 2.0)
    assert reports.finish(first).finished_at is not None
    (seen,), _ = reports.page(project="ada")
    assert seen.tallies == {("ada", "inbox"): Tally(1, 5, 3.0, 3.0)}
    assert reports.page(project="carl") == ([], None)
    assert reports.begin(ReportKind.ERASURE, "x") != reports.begin(ReportKind.ERASURE, "y")
