"""Batch reviews: one verdict on the masks of many jobs."""

from dataclasses import dataclass
from enum import StrEnum

from jobs.review import Reason

MOST_JOBS = 1_000
"""Jobs of one batch: all of them are locked and judged in one transaction."""


class Outcome(StrEnum):
    """What became of a job in a batch review."""

    DONE = "done"
    """The job has the verdict."""
    NEWER_REVIEW = "newer-review"
    """Left out: it has a review that the reader has not seen."""
    REVIEWED = "reviewed"
    """Left out: it has a verdict, and the batch does not replace verdicts."""
    DOUBTED = "doubted"
    """Left out: there are reasons to doubt its mask, and the batch does not accept such masks."""
    SECOND_READING = "second-reading"
    """Left out: it has a second reading, whose readers look at each mask alone."""
    DRAFT = "draft"
    """Left out: the reader has a correction of its mask that is not saved."""
    UNFINISHED = "unfinished"
    """Left out: it has no mask, because it waits, runs, has failed or was cancelled."""
    NOT_FOUND = "not-found"
    """There is no such job."""


@dataclass(frozen=True, slots=True)
class BatchReview:
    """A verdict on many jobs, as a reader gives it."""

    id: str
    project: str
    verdict: str
    """accepted or rejected."""
    reasons: tuple[Reason, ...]
    comment: str
    reviewer: str
    created_at: float
    seen: dict[str, str]
    """Job -> the newest review of it that the reader knows; empty for none."""
    with_doubts: bool = False
    """Whether masks are accepted that there are reasons to doubt."""
    replace: bool = False
    """Whether jobs get the verdict that have one which the reader has seen."""
    leave_drafts: bool = False
    """Whether jobs are left out of which the reader has a draft with changes."""


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What became of one job, and its review if it got one."""

    job: str
    outcome: Outcome
    review: str | None = None
