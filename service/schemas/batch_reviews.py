"""Batch reviews: one verdict on many jobs."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from jobs.batch_review import MOST_JOBS, Outcome
from jobs.review import Reason
from service.schemas.fields import Identifier, Text, Wire
from service.schemas.reviews import ReaderName, check_reasons


class ReviewedJobIn(Wire):
    """A job that is reviewed together with others."""

    id: Identifier
    seen: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    """Id of the newest review that the reader knows (`review` of the job), empty for none. A job
    that has a newer one is left out."""


class BatchReviewIn(Wire):
    """A verdict on the masks of many jobs."""

    jobs: Annotated[list[ReviewedJobIn], Field(min_length=1, max_length=MOST_JOBS)]
    verdict: Literal["accepted", "rejected"]
    reasons: Annotated[tuple[Reason, ...], Field(max_length=len(Reason))] = ()
    """Why the masks are rejected; none, one or several."""
    comment: Annotated[Text, Field(max_length=10_000)] = ""
    reviewer: ReaderName = ""
    """Name of the reader. A service with accounts stores the name of the account instead."""
    with_doubts: bool = False
    """Whether masks are accepted that there are reasons to doubt: `doubts` or `unusual_sizes` of
    their jobs. Without it they are left out."""
    replace: bool = False
    """Whether the verdict replaces those that the reader has seen. Without it, jobs that have a
    verdict are left out."""
    leave_drafts: bool = False
    """Whether jobs are left out of whose masks the reader has a draft with changes."""

    @model_validator(mode="after")
    def _valid(self) -> "BatchReviewIn":
        check_reasons(self.verdict, self.reasons)
        if len({job.id for job in self.jobs}) < len(self.jobs):
            raise ValueError("name each job once")
        return self


class BatchOutcomeOut(Wire):
    """What became of one job."""

    job: str
    outcome: Outcome
    """`done`: it has the verdict. The others were left out. `newer-review`: it has a review that
    the reader has not seen. `reviewed`: it has a verdict. `doubted`: there are reasons to doubt its
    mask. `second-reading`: its readers look at each mask alone. `draft`: the reader has a
    correction of its mask that is not saved. `unfinished`: it has no mask. `not-found`: there is
    no such job."""
    review: str | None
    """Id of its new review; null if it was left out."""


class BatchReviewOut(Wire):
    """What became of a batch of reviews."""

    id: str
    """For its withdrawal."""
    results: list[BatchOutcomeOut]
    """In the order of the request."""


class WithdrawnOut(Wire):
    """What was withdrawn."""

    jobs: list[str]
    """Ids of the jobs whose review was withdrawn; those that were withdrawn before are left out."""
