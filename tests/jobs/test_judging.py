"""Two readers of one mask: nothing that either of them stored is lost or replaced unseen."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text, update

from imaging.errors import Conflict, Forbidden, NewerReview, NotFound
from jobs.repository import Repository
from jobs.repository.schema.reading_tables import viewers
from jobs.repository.viewers import MOST_VIEWERS
from jobs.review import WITHDRAWAL_S, Reason, Review
from jobs.viewer import Viewer
from tests.support.finished_rows import add_finished

INTERLEAVINGS, ON_POSTGRES = 50, 20
"""Fewer on PostgreSQL, which has the same rules and takes several times as long."""
STEPS = 14


@pytest.fixture
def judged(stocked: Repository) -> Repository:
    """With ada's finished job `job`."""
    add_finished(stocked, "job")
    return stocked


def review_of(name: str, verdict: str = "accepted", **changes: object) -> Review:
    values = {"job": "job", "comment": "", "reviewer": "A", "created_at": 1000.0}
    return Review(id=name, verdict=verdict, **values | changes)  # type: ignore[arg-type]


def verdict_of(repository: Repository, job: str = "job") -> str | None:
    return repository.jobs.get("ada", job).verdict


def test_reasons_are_stored_in_their_order(judged: Repository) -> None:
    rejected = review_of("r", "rejected", reasons=(Reason.LEAK, Reason.MISSED_PART))
    judged.reviews.add("ada", rejected)
    assert judged.reviews.of_job("ada", "job") == [rejected]


def test_reviews_of_earlier_code_have_no_reasons(judged: Repository) -> None:
    with judged.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO reviews (id, job, verdict, comment, reviewer, created_at) "
                "VALUES ('old', 'job', 'rejected', '', 'B', 1.0)"
            )
        )
    (old,) = judged.reviews.of_job("ada", "job")
    assert (old.reasons, old.withdrawn_at) == ((), None)


def test_a_review_that_was_not_seen_is_not_replaced(judged: Repository) -> None:
    first, second = review_of("first"), review_of("second", "rejected", reviewer="B")
    judged.reviews.add("ada", first, seen="")
    with pytest.raises(NewerReview):
        judged.reviews.add("ada", second, seen="")
    assert verdict_of(judged) == "accepted"
    judged.reviews.add("ada", second, seen="first")
    judged.reviews.add("ada", review_of("third", reviewer="old client"))
    with pytest.raises(NewerReview):
        judged.reviews.add("ada", review_of("fourth"), seen="second")
    assert [one.id for one in judged.reviews.of_job("ada", "job")] == ["first", "second", "third"]


def test_a_withdrawn_review_stays_and_no_longer_counts(judged: Repository) -> None:
    first, second = review_of("first", "rejected"), review_of("second")
    judged.reviews.add("ada", first)
    judged.reviews.add("ada", second)
    withdrawn = judged.reviews.withdraw("ada", "job", "second", "", 1005.0)
    assert withdrawn.withdrawn_at == 1005.0
    assert judged.reviews.withdraw("ada", "job", "second", "", 1006.0) == withdrawn
    assert verdict_of(judged) == "rejected"
    assert judged.reviews.of_job("ada", "job") == [first, withdrawn]
    judged.reviews.withdraw("ada", "job", "first", "A", 1007.0)
    assert verdict_of(judged) is None
    judged.reviews.add("ada", review_of("third"), seen="")  # nothing that counts is unseen
    assert verdict_of(judged) == "accepted"


def test_what_cannot_be_withdrawn(judged: Repository) -> None:
    judged.reviews.add("ada", review_of("mine"))
    drawn = review_of("drawn", "corrected", mask_sha256="c" * 64, mask_format="nifti")
    judged.reviews.add("ada", drawn)

    def withdraw(name: str, reader: str = "A", *, project: str = "ada", now: float = 1001) -> None:
        judged.reviews.withdraw(project, "job", name, reader, now)

    refusals: list[tuple[type[Exception], Callable[[], None]]] = [
        (Forbidden, lambda: withdraw("mine", "B")),
        (Conflict, lambda: withdraw("mine", now=1001 + WITHDRAWAL_S)),
        (Conflict, lambda: withdraw("drawn")),
        (NotFound, lambda: withdraw("none")),
        (NotFound, lambda: withdraw("mine", project="bob")),
    ]
    for error, refused in refusals:
        with pytest.raises(error):
            refused()
    assert all(one.withdrawn_at is None for one in judged.reviews.of_job("ada", "job"))
    assert verdict_of(judged) == "corrected"


def test_a_deleted_label_leaves_the_verdict_of_a_review_that_counts(judged: Repository) -> None:
    judged.reviews.add("ada", review_of("first", "rejected"))
    judged.reviews.add("ada", review_of("slip"))
    drawn = {"mask_sha256": "c" * 64, "mask_format": "nifti", "tag": "final"}
    judged.reviews.add("ada", review_of("drawn", "corrected", **drawn))
    judged.reviews.withdraw("ada", "job", "slip", "", 1001)
    assert verdict_of(judged) == "corrected"
    judged.labels.delete("ada", "scan", "final")
    assert verdict_of(judged) == "rejected"


def test_two_verdicts_at_once(judged: Repository) -> None:
    """Both readers have seen the same: one verdict is stored, the other reader is told."""
    seen = ""
    with ThreadPoolExecutor(2) as pool:
        for turn in range(15):
            barrier = Barrier(2)

            def judge(
                reader: str, turn: int = turn, seen: str = seen, at: Barrier = barrier
            ) -> str:
                review = review_of(f"{reader}{turn}", reviewer=reader)
                at.wait()
                try:
                    return judged.reviews.add("ada", review, seen=seen).id
                except NewerReview:
                    return ""

            stored = [name for name in pool.map(judge, "AB") if name]
            assert len(stored) == 1
            seen = stored[0]
            assert judged.reviews.of_job("ada", "job")[-1].id == seen
    assert len(judged.reviews.of_job("ada", "job")) == 15


class Readers:
    """Two readers with one job open, and what must be true of it."""

    def __init__(self, repository: Repository, job: str, chance: random.Random) -> None:
        self.repository, self.job, self.chance = repository, job, chance
        self.stored: dict[str, Review] = {}
        self.seen = {"A": "", "B": ""}
        self.open: dict[str, None] = {}
        """Who has the job open, the first one first."""
        self.steps = [self.look, self.judge, self.judge, self.withdraw, self.stay, self.leave]

    @property
    def standing(self) -> list[str]:
        return [name for name, one in self.stored.items() if one.withdrawn_at is None]

    def look(self, reader: str) -> None:
        reviews = self.repository.reviews.of_job("ada", self.job)
        assert reviews == list(self.stored.values())
        self.seen[reader] = reviews[-1].id if reviews else ""

    def judge(self, reader: str) -> None:
        name = f"{self.job}-{len(self.stored)}"
        verdict = self.chance.choice(["accepted", "rejected"])
        reasons = self.chance.sample(list(Reason), self.chance.randrange(4))
        words = self.chance.choice(["", "Der Schwanz fehlt.", "x" * 200])
        review = review_of(
            name,
            verdict,
            job=self.job,
            reviewer=reader,
            comment=words,
            reasons=tuple(reasons) if verdict == "rejected" else (),
        )
        order = list(self.stored)
        known = order.index(self.seen[reader]) if self.seen[reader] else -1
        unseen = [one for one in self.standing if order.index(one) > known]
        try:
            self.repository.reviews.add("ada", review, seen=self.seen[reader])
        except NewerReview:
            assert unseen
            return
        assert not unseen
        self.stored[name] = review
        self.seen[reader] = name

    def withdraw(self, reader: str) -> None:
        mine = [one for one in self.standing if self.stored[one].reviewer == reader]
        if mine:
            one = self.chance.choice(mine)
            withdrawn = self.repository.reviews.withdraw("ada", self.job, one, reader, 1001.0)
            self.stored[one] = withdrawn

    def stay(self, reader: str) -> None:
        others = self.repository.viewers.renew("ada", self.job, f"page-{reader}", reader)
        self.open.setdefault(reader)
        assert [one.reader for one in others] == [one for one in self.open if one != reader]

    def leave(self, reader: str) -> None:
        self.repository.viewers.remove("ada", self.job, f"page-{reader}")
        self.open.pop(reader, None)

    def check(self) -> None:
        assert self.repository.reviews.of_job("ada", self.job) == list(self.stored.values())
        newest = self.stored[self.standing[-1]].verdict if self.standing else None
        assert verdict_of(self.repository, self.job) == newest


def test_nothing_is_lost_in_random_interleavings(stocked: Repository, database: str) -> None:
    many = INTERLEAVINGS if database.startswith("sqlite") else ON_POSTGRES
    stored = refused = 0
    for seed in range(many):
        job, chance = f"job{seed}", random.Random(seed)
        add_finished(stocked, job)
        readers = Readers(stocked, job, chance)
        for _ in range(STEPS):
            reader = chance.choice("AB")
            step = chance.choice(readers.steps)
            before = len(readers.stored)
            step(reader)
            readers.check()
            stored += len(readers.stored) - before
            refused += step == readers.judge and len(readers.stored) == before
    assert min(stored, refused) > many, "too few verdicts to say anything"


def test_viewers_are_those_who_reported_lately(judged: Repository) -> None:
    assert judged.viewers.renew("ada", "job", "one", "Dr. B") == []
    (first,) = judged.viewers.renew("ada", "job", "two", "")
    assert (first.id, first.reader) == ("one", "Dr. B")
    judged.viewers.renew("ada", "job", "one", "Dr. Bee")
    (again,) = judged.viewers.renew("ada", "job", "two", "")
    assert again == Viewer("one", "Dr. Bee", first.since)
    with judged.database.write() as connection:
        connection.execute(update(viewers).where(viewers.c.viewer == "one").values(until=1.0))
    assert judged.viewers.renew("ada", "job", "two", "") == []
    judged.viewers.remove("ada", "job", "two")
    assert judged.viewers.renew("ada", "job", "three", "") == []
    with judged.database.read() as connection:
        assert connection.execute(text("SELECT viewer FROM viewers")).scalars().all() == ["three"]


def test_viewers_are_bounded_and_of_the_project(judged: Repository) -> None:
    for n in range(MOST_VIEWERS + 5):
        judged.viewers.renew("ada", "job", f"page{n}", "")
    assert len(judged.viewers.renew("ada", "job", "last", "")) == MOST_VIEWERS
    for refused in (
        lambda: judged.viewers.renew("bob", "job", "x", ""),
        lambda: judged.viewers.remove("bob", "job", "x"),
    ):
        with pytest.raises(NotFound):
            refused()


def test_one_page_reports_twice_at_once(judged: Repository) -> None:
    with ThreadPoolExecutor(4) as pool:
        for turn in range(10):
            renewals = [
                pool.submit(judged.viewers.renew, "ada", "job", f"page{turn}", "A")
                for _ in range(4)
            ]
            assert {len(renewal.result()) for renewal in renewals} == {turn}


def test_a_scan_is_deleted_while_its_job_is_open(judged: Repository) -> None:
    judged.viewers.renew("ada", "job", "one", "")
    judged.reviews.add("ada", review_of("r"))
    judged.scans.delete("ada", "scan")
    with pytest.raises(NotFound):
        judged.viewers.renew("ada", "job", "one", "")
