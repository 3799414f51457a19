"""Scans: uploaded, listed, downloaded, deleted."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from imaging.formats import registry
from service.auth import Permission, Principal
from service.http import etags
from service.http.audited import AuditedDep
from service.http.dependencies import (
    ModelFitsDep,
    RelatedScansDep,
    ScanIntakeDep,
    ScanRemovalDep,
    ScansDep,
    ScanViewsDep,
    UploadSpaceDep,
    UploadThreadsDep,
    ViewThreadsDep,
)
from service.http.downloads import file_response
from service.http.file_content import file_content
from service.http.permissions import Allowed
from service.http.router import Router
from service.http.uploads import uploaded_files
from service.routes.model_serializers import model_fit_out
from service.routes.retention_serializers import hold_out
from service.routes.scan_requests import UploadOptions, scans_out
from service.routes.scan_serializers import scan_out
from service.schemas import (
    Cursor,
    ModelFitOut,
    PageLimit,
    RelatedScanOut,
    RelatedScansOut,
    ScanId,
    ScanOut,
    ScanPage,
    ScansOut,
    ScanUsesOut,
    Text,
)
from service.use_cases.scan_views import VOLUME_MEDIA_TYPE

router = Router(tags=["scans"])

_FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": f"One scan, {registry.supported_scans()}, or the files "
                            "of a DICOM series or study, also in a zip or tar.",
                        }
                    },
                }
            }
        },
    }
}
_NIFTI: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The scan as NIfTI.",
        "content": file_content(VOLUME_MEDIA_TYPE),
    },
    304: {"description": "The caller's copy is current."},
}


@router.post(
    "/v1/scans",
    status_code=201,
    responses={200: {"model": ScanOut | ScansOut, "description": "The scan is stored already."}},
    openapi_extra=_FORM,
)
async def upload_scan(
    request: Request,
    response: Response,
    space: UploadSpaceDep,
    intake: ScanIntakeDep,
    threads: UploadThreadsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_WRITE)],
    options: Annotated[UploadOptions, Query()],
) -> ScanOut | ScansOut:
    """Uploads a scan: it is recognised by its content, checked to be complete, then stored.

    If an upload holds several scans, the problem lists them as `choices`; `series`, `stack` and
    `volume` choose one of them. `each=true` makes a scan of each, of localizers only if there is
    nothing else, and returns a list.
    """
    async with uploaded_files(request, space) as files:
        result = await threads.run(
            intake.take_in, principal.project, files, options.selection, by=principal.reader
        )
    return scans_out(result, options, response, audited)


@router.get("/v1/scans")
def list_scans(
    scans: ScansDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
    cursor: Cursor = None,
    limit: PageLimit = 50,
) -> ScanPage:
    """All scans, newest first; `next_cursor` leads to the next page."""
    page, next_cursor = scans.page(principal.project, cursor=cursor, limit=limit)
    return ScanPage(scans=[scan_out(scan) for scan in page], next_cursor=next_cursor)


@router.get("/v1/scans/{scan_id}")
def get_scan(
    scan_id: ScanId,
    scans: ScansDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> ScanOut:
    """A scan's shape, geometry, format and warnings."""
    return scan_out(scans.get(principal.project, scan_id))


@router.get("/v1/scans/{scan_id}/related")
def get_related_scans(
    scan_id: ScanId,
    related: RelatedScansDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
    name: Annotated[
        Text, Query(max_length=200, description="Only scans whose name contains this.")
    ] = "",
    limit: PageLimit = 50,
) -> RelatedScansOut:
    """Other scans to compare a scan with: those that may show the same subject come first."""
    found, more = related.of(principal.project, scan_id, name, limit)
    rows = [RelatedScanOut(scan=scan_out(one.scan), relation=one.relation) for one in found]
    return RelatedScansOut(scans=rows, more=more)


@router.get("/v1/scans/{scan_id}/models")
async def get_models_for_scan(
    scan_id: ScanId,
    scans: ScansDep,
    fits: ModelFitsDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> list[ModelFitOut]:
    """The models for scans of this dimension, the one that fits best first.

    A model's card states what its training scans were like. `doubts` are the differences, as in the
    report of a job. Above 2^28 voxels, only the scan's header is compared.
    """
    scan = await threads.run(scans.get, principal.project, scan_id)
    return [model_fit_out(fit) for fit in await threads.run(fits.of, scan)]


@router.get("/v1/scans/{scan_id}/uses")
def get_uses(
    scan_id: ScanId,
    scans: ScansDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> ScanUsesOut:
    """How many jobs and reviews a deletion of the scan would delete with it."""
    uses = scans.uses(principal.project, scan_id)
    return ScanUsesOut(
        jobs=uses.jobs,
        unfinished=uses.unfinished,
        reviews=uses.reviews,
        holds=[hold_out(one) for one in uses.holds],
    )


@router.delete("/v1/scans/{scan_id}", status_code=204)
def delete_scan(
    scan_id: ScanId,
    removal: ScanRemovalDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_DELETE)],
) -> None:
    """Deletes a scan with its jobs, masks and reviews; a 409 while a job that uses it runs, or
    under a legal hold."""
    removal.delete(principal.project, scan_id)


@router.get("/v1/scans/{scan_id}/volume", response_class=Response, responses=_NIFTI)
async def get_volume(
    scan_id: ScanId,
    request: Request,
    scans: ScansDep,
    views: ScanViewsDep,
    threads: ViewThreadsDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
) -> Response:
    """The scan as a NIfTI file that a viewer can load; a 2D image becomes a volume of one slice."""
    scan = await threads.run(scans.get, principal.project, scan_id)
    tag = views.tag(scan)
    if etags.is_current(request, tag):
        return etags.not_modified(tag)
    return file_response(await threads.run(views.volume, scan))
