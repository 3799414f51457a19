"""The results of a finished job: mask, report, preview."""

from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from starlette.responses import JSONResponse

from imaging.formats import registry
from imaging.formats.format import ReportFormat
from service.auth import Permission, Principal
from service.http import etags
from service.http.dependencies import (
    JobStatusesDep,
    ResultsDep,
    UploadedMasksDep,
    UploadThreadsDep,
    ViewThreadsDep,
)
from service.http.downloads import file_response, mask_response
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.router import Router
from service.resources.format_names import MaskFormatName, ReportFormatName
from service.routes.job_serializers import job_out
from service.schemas import JobId, JobOut, LabelMapIn, ScanId
from service.use_cases.result_mask import ResultMask

router = Router(tags=["results"])

_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask; its voxels are label values or object numbers.",
        "content": file_content(*(one.media_type for one in registry.MASK_FORMATS)),
    },
    304: {"description": "The caller's copy is current."},
}
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report, or its measurements as a table.",
        "content": file_content(*(one.media_type for one in registry.REPORT_FORMATS)),
    }
}
_PREVIEW: dict[int | str, dict[str, Any]] = {
    200: {"description": "The mask drawn over the scan.", "content": file_content("image/png")},
    304: {"description": "The caller's copy is current."},
}


@router.post(
    "/v1/scans/{scan_id}/masks",
    status_code=201,
    responses={200: {"model": JobOut, "description": "The mask is stored already."}},
)
async def add_label_map(
    scan_id: ScanId,
    body: LabelMapIn,
    response: Response,
    masks: UploadedMasksDep,
    statuses: JobStatusesDep,
    threads: UploadThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_WRITE)],
) -> JobOut:
    """Makes a label map that was uploaded as a scan a mask of another scan, to be reviewed.

    The mask is a job that has succeeded: it is in the worklist, and has a report, downloads and
    reviews. It must be on the grid of the scan; its axes may be permuted or flipped. Its labels are
    named after their numbers. A DICOM Segmentation needs no such request: an upload recognises it.
    """
    stored = await threads.run(
        masks.add_label_map, principal.project, scan_id, body.mask, principal.reader
    )
    if not stored.created:
        response.status_code = 200
    response.headers["Location"] = f"/v1/jobs/{stored.job.id}"
    return await threads.run(lambda: job_out(statuses.of(stored.job)))


@router.get("/v1/jobs/{job_id}/mask", response_class=Response, responses=_MASK)
async def get_mask(
    job_id: JobId,
    request: Request,
    results: ResultsDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
    format: Annotated[  # noqa: A002 - the name on the wire
        MaskFormatName | None, Query(description="Without it, the format in which it is stored.")
    ] = None,
) -> Response:
    """The mask, in the format that it is stored in or converted to `format`.

    GET /v1/jobs/{id}/downloads lists the formats that are possible. A volume's mask is stored on
    the volume's own grid. A 2D image's mask is stored as an image of label numbers; in a format for
    volumes it is on the grid of GET /v1/scans/{id}/volume. A DICOM object of the same mask always
    has the same SOP Instance UID.
    """
    mask = ResultMask(await threads.run(results.finished_job, principal.project, job_id))
    return await mask_response(request, mask, format, results, threads)


@router.get("/v1/jobs/{job_id}/report", response_class=Response, responses=_REPORT)
def get_report(
    job_id: JobId,
    results: ResultsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
    format: Annotated[  # noqa: A002 - the name on the wire
        ReportFormatName | None, Query(description="Without it, `Accept` chooses.")
    ] = None,
    accept: Annotated[str, Header(description="Media types; `text/csv` for a table.")] = "",
) -> Response:
    """Model, device, tiles, seconds, warnings, doubts and measurements.

    Without `format`, the header `Accept` chooses between the text formats. A table has one row for
    each label, or for each object of an instance mask: the first 10,000, and a warning in the JSON
    report if there are more. DICOM reports refer to the segments of `dicom-seg`.

    `doubts` in the JSON report are the warnings that put the mask in doubt, each with its `kind`:
    `modality`, `body-part`, `spacing`, `extent`, `values`, `colour`, `orientation`, `reference` or
    `empty`.
    Show them to the reader who judges the mask. `warnings` has all warnings, these included.
    `uncompared` says in words why a scan could not be compared with the scans that the model was
    trained on: the model's card states nothing of them, or the scan shows nothing of what it
    states. Then it means nothing that there are no doubts.

    `uploaded` in the JSON report of a mask that was uploaded with its scan has its labels, with
    their colours and codes, and how they were made as far as the file says.

    `tiling` in the JSON report states how the scan was divided: its `kind` is `exact`, `one pass`,
    `windows` (with their patch, step, weights and mirrored axes) or `none`.
    """
    job = results.finished_job(principal.project, job_id)
    target = registry.report_format(format) if format else _accepted(accept)
    if target.render is None:
        return file_response(results.report_file(ResultMask(job), target))
    report = results.report(job)
    if target != registry.REPORT_FORMATS[0]:
        return Response(target.render(report), media_type=target.media_type)
    return JSONResponse(report)


@router.get("/v1/jobs/{job_id}/preview.png", response_class=Response, responses=_PREVIEW)
def get_preview(
    job_id: JobId,
    request: Request,
    results: ResultsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
) -> Response:
    """An image of the mask drawn over the scan."""
    job = results.finished_job(principal.project, job_id)
    tag = str(job.preview_sha256)
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    return file_response(results.preview(job))


def _accepted(accept: str) -> ReportFormat:
    """The text format that an Accept header begins with, else the default format."""
    texts = (one for one in registry.REPORT_FORMATS if one.render)
    matching = (one for one in texts if accept.startswith(one.media_type))
    return next(matching, registry.REPORT_FORMATS[0])
