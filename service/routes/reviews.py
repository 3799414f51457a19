"""Reviews: what a reader says of a mask."""

import time
from uuid import uuid4

from fastapi import APIRouter

from jobs.job import Review
from service import present
from service.parts import OwnerDep, PartsDep
from service.schemas import Identifier, ReviewIn, ReviewOut

router = APIRouter(tags=["reviews"])


@router.post("/v1/jobs/{job_id}/reviews", status_code=201)
def add_review(job_id: Identifier, given: ReviewIn, parts: PartsDep, owner: OwnerDep) -> ReviewOut:
    """Accepts or rejects a mask; the latest review is the job's verdict."""
    review = Review(
        id=uuid4().hex,
        job=job_id,
        verdict=given.verdict,
        comment=given.comment,
        reviewer=given.reviewer,
        created_at=time.time(),
    )
    return present.review_out(parts.repository.add_review(owner, review))


@router.get("/v1/jobs/{job_id}/reviews")
def list_reviews(job_id: Identifier, parts: PartsDep, owner: OwnerDep) -> list[ReviewOut]:
    """The reviews of a mask, as the repository keeps them."""
    return [present.review_out(one) for one in parts.repository.reviews(owner, job_id)]
