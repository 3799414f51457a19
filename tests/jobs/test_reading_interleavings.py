"""Random steps of four readers of one job, against a simple model, on both databases."""

import random
from collections.abc import Callable
from dataclasses import replace

from imaging.errors import Conflict, Forbidden, NewerReview, NotFound
from jobs.repository import Repository
from jobs.review import Review, Role
from jobs.second_reading import ReadingState
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

INTERLEAVINGS, ON_POSTGRES = 50, 20
"""Fewer on PostgreSQL, which has the same rules and takes several times as long."""
STEPS = 12


class Model:
    """What must be true of a job that four readers judge, as simply as it can be said."""

    def __init__(self, repository: Repository, job: str, chance: random.Random) -> None:
        self.repository, self.job, self.chance = repository, job, chance
        self.stored: list[Review] = []
        self.read_ones: dict[str, str] = {}
        """Reader -> review that counts, in the order of the readers; while it is open."""
        self.compared: list[str] | None = None
        self.cancelled = False
        self.blind = True
        self.steps: list[Callable[[str], None]] = [
            self.judge,
            self.judge,
            self.judge,
            self.withdraw,
            self.decide,
            self.delete_label,
        ]
        put_up(repository, job)

    def named(self, name: str) -> Review:
        return next(one for one in self.stored if one.id == name)

    def standing(self, role: Role) -> list[Review]:
        return [one for one in self.stored if one.role is role and one.withdrawn_at is None]

    def judge(self, reader: str) -> None:
        verdict = self.chance.choice(["accepted", "rejected", "corrected"])
        drawn = DRAWN if verdict == "corrected" else {}
        review = self.new(reader, verdict, **drawn)
        seen = self.chance.choice([None, *(one.id for one in self.stored)])
        mine = [one for one in self.stored if one.reviewer == reader]
        role = Role.READING
        if self.compared is not None or (reader not in self.read_ones and len(self.read_ones) == 2):
            role = Role.SURPLUS
        place = [one.id for one in mine].index(seen) if seen in [o.id for o in mine] else -1
        unseen = [one for one in mine[place + 1 :] if one.withdrawn_at is None]
        try:
            added = judge(self.repository, review, seen)
        except NewerReview:
            assert seen is not None
            assert unseen
            assert role is Role.READING
            return
        assert seen is None or role is Role.SURPLUS or not unseen
        assert added.role is role
        self.stored.append(added)
        if role is Role.READING:
            self.read_ones[reader] = added.id
            self.compare()

    def compare(self) -> None:
        if self.compared is None and len(self.read_ones) == 2:
            self.compared = list(self.read_ones.values())

    def withdraw(self, reader: str) -> None:
        mine = [one for one in self.stored if one.reviewer == reader and one.withdrawn_at is None]
        if not mine:
            return
        one = self.chance.choice(mine)
        decided = self.compared is not None and one.id in self.compared
        own_mask = one.mask_sha256 is not None and not any(
            other.mask_sha256 == one.mask_sha256 and other.withdrawn_at is None
            for other in self.stored
            if other is not one
        )
        refused = (own_mask and one.role is not Role.ADJUDICATION) or (
            decided and self.standing(Role.ADJUDICATION) != []
        )
        try:
            gone = self.repository.reviews.withdraw("ada", self.job, one.id, reader, 1001.0)
        except Conflict:
            assert refused
            return
        assert not refused
        self.stored[self.stored.index(one)] = gone
        self.removed(was_compared=decided)

    def removed(self, *, was_compared: bool) -> None:
        if was_compared:
            self.compared, self.blind = None, False
        if self.compared is None:
            newest: dict[str, str] = {}
            for reading in self.standing(Role.READING):
                newest[reading.reviewer] = reading.id
            self.read_ones = newest
            self.compare()
            conclude(self.repository, self.job)

    def decide(self, reader: str) -> None:
        review = replace(self.new(reader, "rejected"), role=Role.ADJUDICATION)
        allowed = self.compared is not None and reader not in self.read_ones
        try:
            added = judge(self.repository, review)
        except (Conflict, Forbidden):
            assert not allowed
            return
        assert allowed
        self.stored.append(added)

    def delete_label(self, reader: str) -> None:
        visible = [
            one
            for one in self.stored
            if one.tag == "final" and (self.compared is not None or one.reviewer == reader)
        ]
        own = [one for one in visible if one.reviewer == reader]
        compared = self.compared or []
        try:
            self.repository.labels.delete("ada", self.scan, "final", reader)
        except NotFound:
            assert not visible
            return
        except Forbidden:
            assert visible
            assert not own
            return
        except Conflict:
            assert any(one.id in compared for one in own)
            return
        assert own
        assert not any(one.id in compared for one in own)
        self.stored = [one for one in self.stored if one not in own]
        self.removed(was_compared=False)

    @property
    def scan(self) -> str:
        return self.repository.jobs.get("ada", self.job).grid_scan

    def new(self, reader: str, verdict: str, **more: object) -> Review:
        name = f"{self.job}-{self.chance.randrange(10**12)}"
        return review_of(name, reader, verdict, job=self.job, **more)

    def check(self) -> None:
        assert self.repository.reviews.of_job("ada", self.job, None) == self.stored
        state = ReadingState.OPEN
        decision: Review | None = None
        if self.compared is not None:
            state = ReadingState.ADJUDICATE
            readings = [self.named(name) for name in self.compared]
            if len({one.verdict for one in readings}) == 1:
                decision = max(readings, key=self.stored.index)
            adjudications = self.standing(Role.ADJUDICATION)
            decision = adjudications[-1] if adjudications else decision
        if decision is not None:
            state = ReadingState.COMPLETE
        reviewer = None if decision is None else decision.reviewer
        verdict = None if decision is None else decision.verdict
        given = len(self.read_ones)
        assert listed(self.repository, self.job) == (verdict, reviewer, state.value, given)

    def check_views(self) -> None:
        reading = self.repository.readings.get("ada", self.job)
        assert reading.blind is self.blind
        assert reading.given_by == {name.lower() for name in self.read_ones}
        for reader in ("", "A", "B", "C", "D"):
            shown = [
                one.id for one in self.stored if self.compared is not None or one.reviewer == reader
            ]
            assert ids(self.repository, reader, self.job) == shown


def test_nothing_is_lost_or_shown_in_random_interleavings(
    stocked: Repository, database: str
) -> None:
    many = INTERLEAVINGS if database.startswith("sqlite") else ON_POSTGRES
    states: set[str] = set()
    stored = 0
    for seed in range(many):
        job, chance = f"job{seed}", random.Random(seed)
        scan = replace(stocked.scans.get("ada", "scan"), id=f"scan{seed}", sha256=f"{seed:064}")
        stocked.scans.add(scan)
        add_finished(stocked, job, scans={"t1": scan.id})
        model = Model(stocked, job, chance)
        for _ in range(STEPS):
            chance.choice(model.steps)(chance.choice("ABCD"))
            model.check()
        model.check_views()
        states.add(stocked.readings.get("ada", job).state)
        stored += len(model.stored)
    assert states == set(ReadingState)
    assert stored > 3 * many, "too few verdicts to say anything"
