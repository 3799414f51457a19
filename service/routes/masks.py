"""What a finished job made: mask, report, preview."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request, Response
from starlette.responses import JSONResponse

from imaging.errors import BadRequest, Conflict
from imaging.formats.mask_file import DICOM, SUFFIXES
from imaging.measure import table
from jobs.job import Job, JobState
from service.http import etags
from service.parts import OwnerDep, Parts, PartsDep
from service.schemas import Identifier
from service.use_cases import results

router = APIRouter(tags=["results"])

MaskFormat = Literal[
    "nifti", "png", "ome-tiff", "ome-zarr", "nrrd", "dicom-seg", "dicom-labelmap", "dicom-rtstruct"
]
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_MASK: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The mask; its voxels are label values, or object numbers.",
        "content": dict.fromkeys(results.MEDIA.values(), _BINARY),
    },
    304: {"description": "The caller's copy is still good."},
}
_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The report, or its measurements as a table.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/csv": {"schema": {"type": "string"}},
            results.DICOM_MEDIA: _BINARY,
        },
    }
}
_PREVIEW: dict[int | str, dict[str, Any]] = {
    200: {"description": "The mask over the scan.", "content": {"image/png": _BINARY}},
    304: {"description": "The caller's copy is still good."},
}


@router.get("/v1/jobs/{job_id}/mask", response_class=Response, responses=_MASK)
async def get_mask(
    job_id: Identifier,
    request: Request,
    parts: PartsDep,
    project: OwnerDep,
    format: MaskFormat | None = None,  # noqa: A002 - the word on the wire
) -> Response:
    """The mask as it is stored: NIfTI on a volume's own grid, PNG for a picture.

    A picture's mask of more than 67 million pixels or 65,535 objects is a tiled OME-TIFF with
    smaller copies for viewers. `format=nifti` gives a picture's mask on the grid of
    GET /v1/scans/{id}/volume, as does `format=nrrd`, `format=ome-zarr` a zip of an OME-Zarr label
    image. Of a DICOM scan there are `dicom-seg` (a Segmentation, BINARY), `dicom-labelmap`
    (LABELMAP, for many labels) and `dicom-rtstruct` (contours); the same mask is always the same
    object, with the same SOP Instance UID.
    """
    job = await parts.show(_succeeded, parts, project, job_id)
    wanted = format or str(job.mask_format)
    tag = f"{job.mask_sha256}-{wanted}"
    if etags.known(request, tag):
        return etags.unchanged(tag)
    return await parts.show(_mask, parts, job, wanted, tag)


@router.get("/v1/jobs/{job_id}/report", response_class=Response, responses=_REPORT)
def get_report(
    job_id: Identifier,
    parts: PartsDep,
    project: OwnerDep,
    format: Literal["json", "csv", "dicom-sr"] | None = None,  # noqa: A002 - the word on the wire
    accept: Annotated[str, Header()] = "",
) -> Response:
    """Model, device, tiles, seconds, warnings and measurements; `format=csv` for a table.

    Of a DICOM scan `format=dicom-sr` gives the sizes as a Structured Report (TID 1500) of the
    segments of `dicom-seg`. The table has a row per label, or per object where the mask numbers
    them: the first 10,000, and a warning in the JSON where there are more.
    """
    job = _succeeded(parts, project, job_id)
    if format == "dicom-sr":
        return results.dicom(parts, job, "dicom-sr", f"report-{job.id}")
    report = parts.repository.jobs.report(project, job.id)
    if format == "csv" or (format is None and accept.startswith("text/csv")):
        return Response(table(report.get("measurements") or {}), media_type="text/csv")
    return JSONResponse(report)


@router.get("/v1/jobs/{job_id}/preview.png", response_class=Response, responses=_PREVIEW)
def get_preview(
    job_id: Identifier, request: Request, parts: PartsDep, project: OwnerDep
) -> Response:
    """A picture of the mask over the scan."""
    job = _succeeded(parts, project, job_id)
    tag = str(job.preview_sha256)
    if etags.known(request, tag):
        return etags.unchanged(tag)
    return results.stored(parts, tag, f"preview-{job.id}.png", "image/png", tag)


def _succeeded(parts: Parts, project: str, job_id: str) -> Job:
    job = parts.repository.jobs.get(project, job_id)
    if job.state is JobState.SUCCEEDED:
        return job
    raise Conflict(
        f"The job is {job.state}: it has no mask.",
        expected="A job that succeeded.",
        hint="Follow the job until it is done; if it failed, its error tells why.",
    )


def _mask(parts: Parts, job: Job, wanted: str, tag: str) -> Response:
    sha256, name = str(job.mask_sha256), f"mask-{job.id}"
    if wanted == job.mask_format:
        name += SUFFIXES[wanted]
        return results.stored(parts, sha256, name, results.MEDIA[wanted], tag)
    if wanted in DICOM:
        return results.dicom(parts, job, wanted, name)
    scan = parts.repository.scans.get(job.project, job.grid_scan)
    flat = len(scan.shape) == 3
    if wanted == "png" or (wanted == "ome-tiff" and not flat):
        raise BadRequest(
            f"This mask is too large for a {wanted}." if flat else "This mask is no picture.",
            expected="nifti, nrrd or ome-zarr for a volume; nifti, nrrd, ome-tiff or ome-zarr for "
            "a large picture, or one of more than 65,535 objects.",
            hint="Leave `format` out, or fetch preview.png for a picture to look at.",
        )
    return results.mask(parts, sha256, scan, wanted, name, tag)
