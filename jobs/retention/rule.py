"""Retention rules: how long a project keeps data of a kind. Without a rule, it is kept for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SERVICE = ""
"""The project of a rule for the whole service."""


class RetentionKind(StrEnum):
    """Kinds of data that rules are about."""

    SCANS = "scans"
    """Scans with all their jobs, masks, reviews and drafts."""
    MASKS = "masks"
    """Jobs that have ended, with their masks, reports, reviews and drafts; the scans stay."""
    PREVIEWS = "previews"
    """Preview images of masks; jobs and masks stay."""
    DRAFTS = "drafts"
    """Corrections that nobody has finished."""
    UPLOADS = "uploads"
    """Resumable uploads that no scan was made of."""
    INBOX = "inbox"
    """Originals that arrived by C-STORE, once they were taken in or refused."""
    AUDIT = "audit"
    """Events of the audit trail, of all projects together: they are one chain."""


class Basis(StrEnum):
    """From when on the time is counted."""

    CREATION = "creation"
    """A scan was stored, a job ended, a file arrived, an event happened."""
    LAST_REVIEW = "last-review"
    """The newest review; what was never reviewed stays."""
    LAST_USE = "last-use"
    """The newest order, end of a job, review or change. That somebody looks at it does not count.
    """


BASES: Mapping[RetentionKind, tuple[Basis, ...]] = {
    RetentionKind.SCANS: tuple(Basis),
    RetentionKind.MASKS: tuple(Basis),
    RetentionKind.PREVIEWS: tuple(Basis),
    RetentionKind.DRAFTS: (Basis.LAST_USE,),
    RetentionKind.UPLOADS: (Basis.LAST_USE,),
    RetentionKind.INBOX: (Basis.CREATION,),
    RetentionKind.AUDIT: (Basis.CREATION,),
}
"""What each kind may be counted from; the first is the default."""


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """A rule of a project."""

    project: str
    """SERVICE for the audit trail."""
    kind: RetentionKind
    basis: Basis
    keep_s: float
    set_by: str = ""
    set_at: float = 0.0
    """Seconds since the epoch."""
