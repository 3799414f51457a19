"""Assignments: which reader is to judge a job."""

from dataclasses import dataclass
from enum import StrEnum

NOBODY = ""
"""The name that stands for no reader."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A job that gets another reader."""

    job: str
    seen: str | None = None
    """The reader that the caller knows, NOBODY for none; None: the caller does not say."""


class Assigned(StrEnum):
    """What became of an assignment."""

    DONE = "done"
    """The job has the reader; it may have had it before."""
    CHANGED = "changed"
    """The job has another reader than the caller knew, and keeps it."""
    NOT_FOUND = "not-found"
    """There is no such job."""
