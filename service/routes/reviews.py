"""Reviews: a radiologist's verdicts on masks."""

import time
from typing import Annotated, Any, Literal
from uuid import uuid4

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response
from starlette.responses import JSONResponse

from imaging.formats import registry
from jobs.audit.event import AuditObject
from jobs.review import Review, Role
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    CorrectedMasksDep,
    CorrectionsDep,
    ReaderMeasurementsDep,
    ResultsDep,
    ReviewsDep,
    ViewThreadsDep,
)
from service.http.downloads import file_response, mask_response
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.readers import ReaderDep
from service.http.router import Router
from service.resources.format_names import MaskFormatName, ReportFormatName
from service.routes.review_serializers import review_out
from service.schemas import JobId, ReviewId, ReviewIn, ReviewMeasurementsOut, ReviewOut
from service.use_cases.reader_measurements import ReaderMeasurements

router = Router(tags=["reviews"])

_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The corrected mask; its voxels are label values.",
        "content": file_content(*(one.media_type for one in registry.MASK_FORMATS)),
    },
    304: {"description": "The caller's copy is current."},
}
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report about the mask and the reader's measurements.",
        "content": file_content(*(one.media_type for one in registry.REPORT_FORMATS)),
    }
}
_MEASUREMENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The measurements, or a table with a row for each.",
        "content": file_content("text/csv"),
    }
}


@router.post("/v1/jobs/{job_id}/reviews", status_code=201)
async def add_review(
    job_id: JobId,
    body: ReviewIn,
    reviews: ReviewsDep,
    masks: CorrectedMasksDep,
    corrections: CorrectionsDep,
    threads: ViewThreadsDep,
    measurements: ReaderMeasurementsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
) -> ReviewOut:
    """Accepts, corrects or rejects a mask.

    The newest review that is not withdrawn is the job's verdict.

    If the job has a second reading, the review is one of its readings, and the job has no verdict
    until all readings were given and agree. The newest review with `adjudicates` then decides.

    With `draft`, the changes of a correction are applied to the mask with which it began. The
    result becomes the corrected mask of this review, and the draft is deleted. The review has the
    id of the draft: the same request, sent again, returns the same review.

    A verdict on another mask leaves the reader's draft as it is. With `discards`, it is deleted,
    and a draft that the caller does not know is a 409 (`draft-open`).

    `measurements` are stored with it. They are refused where they are outside the scan, or not of
    their shape on one slice.
    """
    project = principal.project

    def add() -> Review:
        review = _review_of(job_id, body, measurements, principal)
        known = body.draft_state(review.reviewer)
        if known is not None:
            return corrections.save(project, review, known, body.seen)
        added = reviews.add(project, review, body.seen, body.mask_of, discards=body.discards)
        masks.follow(project, added)
        return added

    review = await (run_sync(add) if body.draft is None else threads.run(add))
    audited.add(AuditObject.REVIEW, review.id)
    return review_out(review)


def _review_of(
    job_id: str, body: ReviewIn, measurements: ReaderMeasurements, principal: Principal
) -> Review:
    drawn = [one.measurement() for one in body.measurements]
    return Review(
        id=uuid4().hex,
        job=job_id,
        verdict=body.verdict,
        comment=body.comment,
        reviewer=principal.reader or body.reviewer,
        created_at=time.time(),
        reasons=body.reasons,
        role=Role.ADJUDICATION if body.adjudicates else None,
        measurements=measurements.checked(principal.project, job_id, drawn),
    )


@router.get("/v1/jobs/{job_id}/reviews")
def list_reviews(
    job_id: JobId,
    reviews: ReviewsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
) -> list[ReviewOut]:
    """The reviews of a mask, oldest first, with those that were withdrawn.

    While a second reading is open, these are the caller's own reviews.
    """
    known = reviews.of_job(principal.project, job_id, reader.of(principal))
    return [review_out(review) for review in known]


@router.post("/v1/jobs/{job_id}/reviews/{review_id}/withdraw")
def withdraw_review(
    job_id: JobId,
    review_id: ReviewId,
    reviews: ReviewsDep,
    reader: ReaderDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)],
) -> ReviewOut:
    """Withdraws a verdict that the caller gave by mistake in the last five minutes.

    The review stays in the list with the time of its withdrawal, and no longer counts. To withdraw
    it again changes nothing. A reading that is withdrawn after all were shown opens the second
    reading again, which is then not `blind`; a 409 if another reader has decided.
    """
    project, name = principal.project, reader.of(principal)
    return review_out(reviews.withdraw(project, job_id, review_id, name, time.time()))


@router.get("/v1/jobs/{job_id}/reviews/{review_id}/mask", response_class=Response, responses=_MASK)
async def get_corrected_mask(
    job_id: JobId,
    review_id: ReviewId,
    request: Request,
    results: ResultsDep,
    reader: ReaderDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    format: Annotated[  # noqa: A002 - the name on the wire
        MaskFormatName | None, Query(description="Without it, the format in which it is stored.")
    ] = None,
) -> Response:
    """The mask that a reviewer corrected, in the format that it is stored in or in `format`.

    Reviewers correct masks on the page, or in 3D Slicer and other MONAI Label clients. The mask is
    on the grid of the job's own mask. DICOM objects of it state the algorithm type SEMIAUTOMATIC,
    or MANUAL where the job's own mask was supplied by a user.
    """
    mask = await threads.run(
        results.corrected, principal.project, job_id, review_id, reader.of(principal)
    )
    return await mask_response(request, mask, format, results, threads)


@router.get(
    "/v1/jobs/{job_id}/reviews/{review_id}/report", response_class=Response, responses=_REPORT
)
async def get_corrected_report(
    job_id: JobId,
    review_id: ReviewId,
    results: ResultsDep,
    reader: ReaderDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    format: Annotated[  # noqa: A002 - the name on the wire
        ReportFormatName | None, Query(description="Without it, JSON.")
    ] = None,
) -> Response:
    """The sizes in the mask that a reviewer corrected, and what the reviewer measured in the scan.

    A review without a corrected mask has the report of the job's own mask. `json` has the reader's
    measurements as `reader_measurements`; `csv` is the table of labels alone. `dicom-sr` refers to
    the segments of the mask as `dicom-seg`, has a group for each measurement of the reader, with
    its points, and names the reader as an observer.
    """
    mask = await threads.run(
        results.reviewed, principal.project, job_id, review_id, reader.of(principal)
    )
    target = registry.report_format(format) if format else registry.REPORT_FORMATS[0]
    return file_response(await threads.run(results.report_file, mask, target))


@router.get(
    "/v1/jobs/{job_id}/reviews/{review_id}/measurements",
    response_model=ReviewMeasurementsOut,
    responses=_MEASUREMENTS,
)
async def get_reader_measurements(
    job_id: JobId,
    review_id: ReviewId,
    measurements: ReaderMeasurementsDep,
    reader: ReaderDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.REVIEWS_READ)],
    format: Annotated[  # noqa: A002 - the name on the wire
        Literal["json", "csv"], Query(description="`csv` for a table.")
    ] = "json",
) -> Response:
    """What a reviewer measured in the scan, with statistics of regions and values at probes.

    All numbers are computed here from the points and the stored scan.
    """
    of_reader = await threads.run(
        measurements.of_review, principal.project, job_id, review_id, reader.of(principal)
    )
    if format == "csv":
        name = f'attachment; filename="measurements-{job_id}-{review_id}.csv"'
        return Response(of_reader.table(), 200, {"Content-Disposition": name}, "text/csv")
    return JSONResponse(of_reader.as_dict())
