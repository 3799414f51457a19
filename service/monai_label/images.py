"""Images of the datastore: sent, downloaded, described, deleted."""

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Request, Response

from jobs.audit.event import AuditObject
from jobs.stored_scan import StoredScan
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    NamedScansDep,
    ScanRemovalDep,
    ScansDep,
    ScanViewsDep,
    UploadSpaceDep,
    UploadThreadsDep,
    ViewThreadsDep,
)
from service.http.downloads import file_response
from service.http.multipart import base_name
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.endpoint import endpoint
from service.monai_label.form import received_form
from service.monai_label.image_lookup import ImageLookupDep
from service.use_cases.scan_views import VOLUME_MEDIA_TYPE

router = Router()

ENDING = ".nii.gz"
"""Ending of every image that is sent; readers of NIfTI detect whether it is compressed."""
ReadsScans = Annotated[Principal, Allowed(Permission.SCANS_READ)]
WritesScans = Annotated[Principal, Allowed(Permission.SCANS_WRITE)]


@endpoint(router, "PUT", "/datastore")
@endpoint(router, "PUT", "/datastore/image")
async def put_image(
    request: Request,
    space: UploadSpaceDep,
    scans: NamedScansDep,
    threads: UploadThreadsDep,
    audited: AuditedDep,
    principal: WritesScans,
    image: str = "",
) -> dict[str, str]:
    """Stores an image under the client's name for it, or under the scan's id."""
    name = base_name(image)
    async with received_form(request, space) as form:
        scan = await threads.run(scans.take_in, principal.project, [form.file("file")], name)
    audited.add(AuditObject.SCAN, scan.id)
    return {"image": name or scan.id}


@endpoint(router, "GET", "/datastore/image")
async def get_image(
    image: str,
    images: ImageLookupDep,
    views: ScanViewsDep,
    threads: ViewThreadsDep,
    principal: ReadsScans,
) -> Response:
    """The image as NIfTI: the stored file if every viewer can show it, else written anew."""
    scan = await images.find(principal, image)
    response = file_response(await threads.run(views.volume, scan))
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(scan)}"'
    return response


@endpoint(router, "HEAD", "/datastore/image")
async def head_image(image: str, images: ImageLookupDep, principal: ReadsScans) -> Response:
    """Whether the image exists."""
    scan = await images.find(principal, image)
    response = Response(media_type=VOLUME_MEDIA_TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(scan)}"'
    del response.headers["content-length"]  # the file's length is not known yet
    return response


@endpoint(router, "GET", "/datastore/image/info")
async def get_image_info(
    image: str, images: ImageLookupDep, rows: ScansDep, principal: ReadsScans
) -> dict[str, Any]:
    """Facts of the image, and what clients stored with it."""
    scan = await images.find(principal, image)
    info = await run_sync(rows.info, principal.project, scan.id)
    return {**info, **facts(scan), "scans_of_series": await run_sync(rows.series_count, scan)}


@endpoint(router, "PUT", "/datastore/image/info")
async def put_image_info(
    request: Request,
    image: str,
    space: UploadSpaceDep,
    images: ImageLookupDep,
    rows: ScansDep,
    principal: WritesScans,
) -> dict[str, Any]:
    """Adds to the dictionary that clients store with an image: members of other names stay."""
    scan = await images.find(principal, image)
    async with received_form(request, space) as form:
        await run_sync(rows.add_info, principal.project, scan.id, form.json("info"))
    return {}


@endpoint(router, "DELETE", "/datastore/image")
def delete_image(
    id: str,  # noqa: A002 - the name on the wire
    scans: NamedScansDep,
    removal: ScanRemovalDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_DELETE)],
) -> dict[str, str]:
    """Deletes an image with its masks and labels; a 409 while a job runs on it."""
    scan = scans.find(principal, base_name(id))
    audited.add(AuditObject.SCAN, scan.id)
    removal.delete(principal.project, scan.id)
    return {}


def facts(scan: StoredScan) -> dict[str, Any]:
    """What a client may want to know before it loads an image."""
    return {
        "name": file_name(scan),
        "format": scan.format,
        "shape": scan.shape[1:],
        "channels": scan.shape[0],
        "spacing": scan.spacing_mm,
        "affine": scan.affine,
        "ts": int(scan.created_at),
    }


def file_name(scan: StoredScan) -> str:
    """Name of the file that a client receives; it holds no part of the scan's own name."""
    return f"{scan.id}{ENDING}"
