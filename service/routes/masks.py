"""The results of a finished job: mask, report, preview."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from starlette.responses import JSONResponse

from imaging.measure import table
from service.auth import Permission, Principal
from service.http import etags
from service.http.dependencies import ResultsDep, ViewThreadsDep
from service.http.downloads import file_response
from service.http.permissions import Allowed
from service.schemas import Identifier
from service.use_cases.results import DICOM_MEDIA, MEDIA

router = APIRouter(tags=["results"])

MaskFormat = Literal[
    "nifti", "png", "ome-tiff", "ome-zarr", "nrrd", "dicom-seg", "dicom-labelmap", "dicom-rtstruct"
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask; its voxels are label values or object numbers.",
        "content": dict.fromkeys(MEDIA.values(), _BINARY),
    },
    304: {"description": "The caller's copy is current."},
}
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report, or its measurements as a table.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            DICOM_MEDIA: _BINARY,
        },
    }
}
_PREVIEW: dict[int | str, dict[str, Any]] = {
    200: {"description": "The mask drawn over the scan.", "content": {"image/png": _BINARY}},
    304: {"description": "The caller's copy is current."},
}


@router.get("/v1/jobs/{job_id}/mask", response_class=Response, responses=_MASK)
async def get_mask(
    job_id: Identifier,
    request: Request,
    results: ResultsDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
    format: MaskFormat | None = None,  # noqa: A002 - the name on the wire
) -> Response:
    """The mask as it is stored: NIfTI on a volume's own grid, PNG for a 2D image.

    A 2D mask with more than 67 million pixels or 65,535 objects is a tiled OME-TIFF with smaller
    copies for viewers. For a 2D image, `format=nifti` gives the mask on the grid of
    GET /v1/scans/{id}/volume; `format=nrrd` does too, and `format=ome-zarr` gives a zip of an
    OME-Zarr label image. For a DICOM scan there are `dicom-seg` (a Segmentation, BINARY),
    `dicom-labelmap` (LABELMAP, for many labels) and `dicom-rtstruct` (contours); the same mask is
    always the same object, with the same SOP Instance UID.
    """
    job = await threads.run(results.finished_job, principal.project, job_id)
    wanted = format or str(job.mask_format)
    tag = results.mask_tag(job, wanted)
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    return file_response(await threads.run(results.mask, job, wanted))


@router.get("/v1/jobs/{job_id}/report", response_class=Response, responses=_REPORT)
def get_report(
    job_id: Identifier,
    results: ResultsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
    format: Literal["json", "csv", "dicom-sr"] | None = None,  # noqa: A002 - the name on the wire
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Model, device, tiles, seconds, warnings and measurements; `format=csv` for a table.

    For a DICOM scan, `format=dicom-sr` gives the measurements as a Structured Report (TID 1500) of
    the segments of `dicom-seg`. The table has one row for each label, or for each object of an
    instance mask: the first 10,000, and a warning in the JSON if there are more.
    """
    job = results.finished_job(principal.project, job_id)
    if format == "dicom-sr":
        return file_response(results.dicom_report(job))
    report = results.report(job)
    if format == "csv" or (format is None and accept.startswith("text/csv")):
        return Response(table(report.get("measurements") or {}), media_type="text/csv")
    return JSONResponse(report)


@router.get("/v1/jobs/{job_id}/preview.png", response_class=Response, responses=_PREVIEW)
def get_preview(
    job_id: Identifier,
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
