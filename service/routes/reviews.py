"""Reviews: a radiologist's verdicts on masks."""

import time
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from imaging.formats import registry
from jobs.review import Review
from service.auth import Permission, Principal
from service.http import etags
from service.http.dependencies import ResultsDep, ReviewsDep
from service.http.downloads import file_response
from service.http.permissions import Allowed
from service.routes.serializers import review_out
from service.schemas import JobId, ReviewId, ReviewIn, ReviewOut

router = APIRouter(tags=["reviews"])

_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The corrected mask; its voxels are label values.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in dict.fromkeys(one.media_type for one in registry.stored_formats())
        },
    },
    304: {"description": "The caller's copy is current."},
}


@router.post("/v1/jobs/{job_id}/reviews", status_code=201)
def add_review(
    job_id: JobId,
    body: ReviewIn,
    reviews: ReviewsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
) -> ReviewOut:
    """Accepts or rejects a mask; the latest review is the job's verdict."""
    review = Review(
        id=uuid4().hex,
        job=job_id,
        verdict=body.verdict,
        comment=body.comment,
        reviewer=body.reviewer,
        created_at=time.time(),
    )
    return review_out(reviews.add(principal.project, review))


@router.get("/v1/jobs/{job_id}/reviews")
def list_reviews(
    job_id: JobId,
    reviews: ReviewsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> list[ReviewOut]:
    """The reviews of a mask, oldest first."""
    return [review_out(review) for review in reviews.of_job(principal.project, job_id)]


@router.get("/v1/jobs/{job_id}/reviews/{review_id}/mask", response_class=Response, responses=_MASK)
def get_corrected_mask(
    job_id: JobId,
    review_id: ReviewId,
    request: Request,
    reviews: ReviewsDep,
    results: ResultsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> Response:
    """The mask that a reviewer corrected, on the grid and in the format of the job's own mask.

    Reviewers send such masks from 3D Slicer and other MONAI Label clients.
    """
    review = reviews.with_mask(principal.project, job_id, review_id)
    tag = str(review.mask_sha256)
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    return file_response(results.corrected_mask(review))
