"""File formats: which are supported, and which a job's results can be downloaded in."""

from dataclasses import asdict
from typing import Annotated

from imaging.formats.overview import overview
from service.auth import Permission, Principal
from service.http.dependencies import ResultsDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.schemas import DownloadOut, FormatOut, JobId

router = Router(tags=["formats"])


@router.get("/v1/formats", dependencies=[Allowed(Permission.PUBLIC)])
def list_formats() -> list[FormatOut]:
    """Every format that scans can be uploaded in, or results be downloaded or sent in."""
    return [FormatOut.model_validate(asdict(row)) for row in overview()]


@router.get("/v1/jobs/{job_id}/downloads")
def list_downloads(
    job_id: JobId,
    results: ResultsDep,
    principal: Annotated[Principal, Allowed(Permission.RESULTS_READ)],
) -> list[DownloadOut]:
    """The formats that a job's mask and report can be downloaded in; the stored mask is first.

    `delivery` of a format is not null if it can also be sent to a PACS. Formats that the job's scan
    does not allow are left out, such as RTSTRUCT for an image without a position in the patient.
    """
    return [
        DownloadOut(
            kind=file.kind,
            format=file.format.name,
            title=file.format.title,
            url=f"/v1/jobs/{job_id}/{file.kind}?format={file.format.name}",
            delivery=file.format.delivery,
        )
        for file in results.downloads(principal.project, job_id)
    ]
