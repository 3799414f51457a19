"""Reviews: what a reader says of a mask."""

import time
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from imaging.formats.mask_file import SUFFIXES
from jobs.job import Review
from service.http import etags
from service.parts import OwnerDep, PartsDep
from service.routes import serializers
from service.schemas import Identifier, ReviewIn, ReviewOut
from service.use_cases import results

router = APIRouter(tags=["reviews"])

_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The corrected mask; its voxels are label values.",
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in (results.MEDIA["nifti"], results.MEDIA["png"], results.MEDIA["ome-tiff"])
        },
    },
    304: {"description": "The caller's copy is still good."},
}


@router.post("/v1/jobs/{job_id}/reviews", status_code=201)
def add_review(
    job_id: Identifier, given: ReviewIn, parts: PartsDep, project: OwnerDep
) -> ReviewOut:
    """Accepts or rejects a mask; the latest review is the job's verdict."""
    review = Review(
        id=uuid4().hex,
        job=job_id,
        verdict=given.verdict,
        comment=given.comment,
        reviewer=given.reviewer,
        created_at=time.time(),
    )
    return serializers.review_out(parts.repository.reviews.add(project, review))


@router.get("/v1/jobs/{job_id}/reviews")
def list_reviews(job_id: Identifier, parts: PartsDep, project: OwnerDep) -> list[ReviewOut]:
    """The reviews of a mask, as the repository keeps them."""
    return [serializers.review_out(one) for one in parts.repository.reviews.of_job(project, job_id)]


@router.get("/v1/jobs/{job_id}/reviews/{review_id}/mask", response_class=Response, responses=_MASK)
def get_corrected_mask(
    job_id: Identifier, review_id: Identifier, request: Request, parts: PartsDep, project: OwnerDep
) -> Response:
    """The mask that a reader drew instead of the job's, on the same grid and in its own format.

    Readers send such masks from 3D Slicer and other clients of the MONAI Label surface.
    """
    review = parts.repository.reviews.with_mask(project, job_id, review_id)
    tag, form = str(review.mask_sha256), str(review.mask_format)
    if etags.known(request, tag):
        return etags.unchanged(tag)
    name = f"corrected-{review.id}{SUFFIXES[form]}"
    return results.stored(parts, tag, name, results.MEDIA[form], tag)
