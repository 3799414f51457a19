"""Legal holds: what they cover is not deleted, by nobody and by no rule, until they are lifted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from imaging.errors import LegalHold


class HoldKind(StrEnum):
    """What a hold covers, with all that belongs to it."""

    SCAN = "scan"
    PATIENT = "patient"
    """All scans with a pseudonym, also those that arrive later."""
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold in a project. Times are seconds since the epoch."""

    id: str
    project: str
    kind: HoldKind
    target: str
    """Id of the scan, or pseudonym of the patient; empty for a project."""
    reason: str
    set_by: str
    set_at: float
    lifted_by: str | None = None
    lifted_at: float | None = None

    @property
    def in_force(self) -> bool:
        """Whether it was not lifted."""
        return self.lifted_at is None

    def covers(self, subject: str) -> bool:
        """Whether it covers something of a patient with this pseudonym in its project."""
        return self.kind is HoldKind.PROJECT or (
            self.kind is HoldKind.PATIENT and self.target == subject
        )


def held_by(hold: Hold) -> LegalHold:
    """The error for a deletion of what a hold covers."""
    day = datetime.fromtimestamp(hold.set_at, UTC).date().isoformat()
    return LegalHold(
        f"This {hold.kind} is under a legal hold that {hold.set_by} set on {day}: {hold.reason}",
        expected="Data without a legal hold.",
        hint=f"Keep it. Only an administrator can lift the hold {hold.id}.",
    )
