"""Batch reviews: one verdict on many jobs."""

import time
from typing import Annotated
from uuid import uuid4

from jobs.audit.event import AuditObject
from jobs.batch_review import BatchReview
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import BatchReviewsDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.schemas import (
    BatchId,
    BatchOutcomeOut,
    BatchReviewIn,
    BatchReviewOut,
    IdempotencyKey,
    WithdrawnOut,
)

router = Router(tags=["reviews"])


@router.post("/v1/batch-reviews", status_code=201)
def add_batch_review(
    body: BatchReviewIn,
    reviews: BatchReviewsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
    idempotency_key: IdempotencyKey = None,
) -> BatchReviewOut:
    """Accepts or rejects the masks of up to 1,000 jobs, and says what became of each.

    All reviews are stored, or none. Left out are jobs without a mask, jobs with a review that the
    reader has not seen, jobs with a verdict unless `replace` is set, of an acceptance jobs with a
    reason to doubt their mask unless `with_doubts` is set, and with `leave_drafts` jobs of which
    the reader has a correction that is not saved. The same Idempotency-Key with the
    same request returns the same outcomes again, for a day.
    """
    wanted = BatchReview(
        id=uuid4().hex,
        project=principal.project,
        verdict=body.verdict,
        reasons=body.reasons,
        comment=body.comment,
        reviewer=principal.reader or body.reviewer,
        created_at=time.time(),
        seen={job.id: job.seen for job in body.jobs},
        with_doubts=body.with_doubts,
        replace=body.replace,
        leave_drafts=body.leave_drafts,
    )
    batch, outcomes = reviews.add(wanted, idempotency_key)
    audited.add(AuditObject.BATCH_REVIEW, batch)
    audited.add(AuditObject.JOB, *(one.job for one in outcomes if one.review))
    results = [
        BatchOutcomeOut(job=one.job, outcome=one.outcome, review=one.review) for one in outcomes
    ]
    return BatchReviewOut(id=batch, results=results)


@router.post("/v1/batch-reviews/{batch_id}/withdraw")
def withdraw_batch_review(
    batch_id: BatchId,
    reviews: BatchReviewsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
) -> WithdrawnOut:
    """Withdraws the reviews of a batch that the caller gave by mistake in the last five minutes.

    They stay in the lists of reviews, and no longer count. Newer reviews of other readers stay as
    they are. To withdraw it again changes nothing.
    """
    withdrawn = reviews.withdraw(principal.project, batch_id, principal.reader, time.time())
    return WithdrawnOut(jobs=withdrawn)
