"""Reports: what went by rule, or by the erasure of a patient. They hold numbers only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ReportKind(StrEnum):
    """Why something went."""

    RULES = "rules"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Tally:
    """Things of one kind in one project. Times are those that rules count from."""

    number: int = 0
    bytes: int = 0
    """Of the files that they name. A file that others name too stays and is counted all the same;
    bytes of previews are not known."""
    oldest: float = 0.0
    newest: float = 0.0
    """Seconds since the epoch."""

    def plus(self, size: int, at: float) -> "Tally":
        """With one more thing."""
        oldest = min(self.oldest, at) if self.number else at
        return Tally(self.number + 1, self.bytes + size, oldest, max(self.newest, at))


Place = tuple[str, str]
"""Project, and kind: a `RetentionKind`, or what an erasure calls it."""


def add_to(tallies: dict[Place, Tally], place: Place, size: int, at: float) -> None:
    """Counts one more thing."""
    tallies[place] = tallies.get(place, Tally()).plus(size, at)


@dataclass(frozen=True, slots=True)
class Report:
    """A run. Times are seconds since the epoch."""

    id: str
    kind: ReportKind
    requested_by: str
    """Name of a command or background task."""
    started_at: float
    finished_at: float | None = None
    """None while it runs, or after it was interrupted. The next run of rules continues the one
    before; an erasure must be repeated, and has a report of its own then."""
    tallies: Mapping[Place, Tally] = field(default_factory=dict)
