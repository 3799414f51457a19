"""A second reading: several readers judge the same mask, and none sees the others' verdicts.

           the last reading is given               a third reader decides
    open ------------+-------------> adjudicate ---------------> complete
     ^ ^             |   they differ     |                        ^   |
     | |             +-------------------|------------------------+   |
     | |                  they agree     |                            |
     | +--- a reading is withdrawn ------+----------------------------+

While it is open, a reader sees only reviews of their own. Then everybody sees all.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from jobs.review import Review, Role

MIN_DICE = 0.7
"""Corrected masks that overlap less than this differ, by default. Above 0.7, Zijdenbos et al. 1994
(IEEE Trans. Med. Imaging 13, 716) call the agreement of two segmentations good."""
MOST_READERS = 9


class ReadingState(StrEnum):
    """How far a second reading is."""

    OPEN = "open"
    """Readings are missing. The job has no verdict."""
    ADJUDICATE = "adjudicate"
    """The readings differ. The job has no verdict until another reader decides."""
    COMPLETE = "complete"
    """The readings agree, or another reader has decided."""


@dataclass(frozen=True, slots=True)
class ReadingOptions:
    """How a job is read."""

    readers: int = 2
    """How many readers judge the mask, 2 to MOST_READERS."""
    show_names: bool = False
    """Whether the names of the readers are shown before the job has a verdict."""
    min_dice: float = MIN_DICE
    """Corrected masks of two readers with a smaller Dice differ; 0: they never do."""


@dataclass(frozen=True, slots=True)
class PairOverlap:
    """How much the masks of two readers overlap."""

    first: int
    """Place of the reader in the list of readings, from 0."""
    second: int
    dice: float | None
    """Over all labels; None: one of the readers rejected the mask, or it cannot be read."""
    labels: Mapping[str, float]
    """Label value -> Dice, for labels in at least one of the masks. Empty for objects."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the readings of a job have in common. Sequences are in the order of the readings."""

    reviews: tuple[str, ...]
    """Ids of the readings."""
    readers: tuple[str, ...]
    verdicts: tuple[str, ...]
    common_reasons: tuple[str, ...]
    """Reasons of a rejection that all readers gave."""
    overlaps: tuple[PairOverlap, ...]
    agree: bool
    """The verdicts are equal, and corrected masks overlap enough."""


@dataclass(frozen=True, slots=True)
class Unblinding:
    """Somebody has looked at the readings before all were given."""

    reader: str
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class SecondReading:
    """The second reading of a job. Times are seconds since the epoch."""

    job: str
    options: ReadingOptions
    state: ReadingState
    requested_by: str
    requested_at: float
    given_by: frozenset[str] = frozenset()
    """Keys of the readers whose readings were given and stand; see `reader_key`."""
    blind: bool = True
    """False: the readings had been shown before the last one was given: a verdict was public before
    the second reading was requested, or a reading was withdrawn after all had been shown."""
    agreement: Agreement | None = None
    """None while it is open."""
    review: str | None = None
    """The review whose verdict is the job's; None: it has no verdict yet."""
    completed_at: float | None = None
    unblindings: tuple[Unblinding, ...] = ()

    @property
    def given(self) -> int:
        """Number of readings that were given and stand."""
        return len(self.given_by)

    def is_by(self, name: str) -> bool:
        """Whether this reader gave one of the readings."""
        return reader_key(name) in self.given_by

    def has_looked(self, name: str) -> bool:
        """Whether this reader looked at the readings before all were given."""
        key = reader_key(name)
        return key != "" and any(reader_key(one.reader) == key for one in self.unblindings)

    def shows(self, review: Review, name: str) -> bool:
        """Whether a reader may see a review of the job."""
        if self.state is not ReadingState.OPEN or self.has_looked(name):
            return True
        return reader_key(name) != "" and reader_key(review.reviewer) == reader_key(name)


def reader_key(name: str) -> str:
    """Equal for two ways to write the same name: case and spaces do not matter."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def counted_readings(reviews: Sequence[Review], readers: int) -> list[Review]:
    """The readings that count, in the order of their readers: the newest one of each reader.

    `reviews`: all of the job, oldest first.
    """
    newest: dict[str, Review] = {}
    for review in reviews:
        if review.role is Role.READING and review.withdrawn_at is None:
            newest[reader_key(review.reviewer)] = review
    return list(newest.values())[:readers]


def decide(
    agreement: Agreement | None, reviews: Sequence[Review]
) -> tuple[ReadingState, Review | None]:
    """The state of a second reading, and the review whose verdict is the job's.

    The newest adjudication decides, or the newest of readings that agree.
    """
    if agreement is None:
        return ReadingState.OPEN, None
    for review in reversed(reviews):
        if review.role is Role.ADJUDICATION and review.withdrawn_at is None:
            return ReadingState.COMPLETE, review
    if not agreement.agree:
        return ReadingState.ADJUDICATE, None
    return ReadingState.COMPLETE, [one for one in reviews if one.id in agreement.reviews][-1]


def sample(ids: Sequence[str], share: float, seed: int) -> list[str]:
    """A share of these ids, 0 to 1, chosen at random, in their order; at least one for a share > 0.

    The same for the same ids, share and seed; a larger share contains a smaller one.
    """
    number = min(len(ids), max(1, round(share * len(ids)))) if share > 0 else 0
    ranked = sorted(ids, key=lambda one: sha256(f"{seed}\n{one}".encode()).digest())
    chosen = set(ranked[:number])
    return [one for one in ids if one in chosen]
