"""Retention rules, legal holds, and reports of what went."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.retention.hold import HoldKind
from jobs.retention.report import ReportKind
from jobs.retention.rule import Basis, RetentionKind
from service.schemas.fields import Identifier, Text, Wire

HoldId = Annotated[Identifier, Field(description="Id of the hold.")]


class RetentionRuleOut(Wire):
    """How long data of a kind is kept."""

    kind: RetentionKind
    after: Basis
    """From when on the time is counted."""
    keep_s: float
    """In seconds."""
    set_by: str
    set_at: datetime


class RetentionRulesOut(Wire):
    """The rules of the project, and that of the audit trail. Other data is kept for ever."""

    rules: list[RetentionRuleOut]


class HoldIn(Wire):
    """A legal hold in the caller's project."""

    kind: HoldKind
    target: Annotated[Text, Field(max_length=200)] = ""
    """Id of the scan, or pseudonym of the patient; empty for the project."""
    reason: Annotated[Text, Field(min_length=1, max_length=1000)]
    """Why, without the name of a patient."""


class HoldOut(Wire):
    """A legal hold: what it covers cannot be deleted."""

    id: str
    kind: HoldKind
    target: str
    reason: str
    set_by: str
    set_at: datetime
    lifted_by: str | None
    """Null: the hold is in force."""
    lifted_at: datetime | None


class HoldsOut(Wire):
    """The holds of the project, oldest first."""

    holds: list[HoldOut]


class RetentionTallyOut(Wire):
    """What went, of one kind."""

    kind: str
    """A kind of rules, or what an erasure calls it."""
    number: int
    bytes: int
    """Of the files that it named; a file that others name, too, stays."""
    oldest: datetime
    newest: datetime


class RetentionReportOut(Wire):
    """What went in the project, in one run."""

    id: str
    kind: ReportKind
    requested_by: str
    started_at: datetime
    finished_at: datetime | None
    """Null: it is at work, or was interrupted."""
    tallies: list[RetentionTallyOut]


class RetentionReportPage(Wire):
    """One page of reports."""

    reports: list[RetentionReportOut]
    next_cursor: str | None = None
