"""Images of the datastore: sent, looked at, told of, deleted."""

from collections.abc import Sequence
from time import time
from typing import Any

from anyio.to_thread import run_sync
from fastapi import APIRouter, Request, Response

from jobs.job import ImageName, StoredScan
from service.http.multipart import Upload, base_name
from service.monai_label import image_names
from service.monai_label.endpoint import serves
from service.monai_label.form import received
from service.parts import OwnerDep, Parts, PartsDep
from service.use_cases import results, scan_intake

router = APIRouter()

ENDING = ".nii.gz"
"""Of every image that is handed out; readers of NIfTI look whether it is packed indeed."""


@serves(router, "PUT", "/datastore")
@serves(router, "PUT", "/datastore/image")
async def put_image(
    request: Request, parts: PartsDep, project: OwnerDep, image: str = ""
) -> dict[str, str]:
    """Takes an image in, under the name that the client gives it or else the scan's id."""
    async with received(request, parts) as form:
        scan = await parts.take_in(kept, parts, project, [form.upload("file")], image)
    return {"image": base_name(image) or scan.id}


@serves(router, "GET", "/datastore/image")
async def get_image(image: str, parts: PartsDep, project: OwnerDep) -> Response:
    """The image as a NIfTI: as it was sent where every viewer reads that, else written anew."""
    scan = await run_sync(image_names.image, parts, project, image)
    answer = await parts.show(results.volume, parts, scan, f"{scan.sha256}-volume")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(scan)}"'
    return answer


@serves(router, "HEAD", "/datastore/image")
async def head_image(image: str, parts: PartsDep, project: OwnerDep) -> Response:
    """Whether there is such an image."""
    scan = await run_sync(image_names.image, parts, project, image)
    answer = Response(media_type=results.NIFTI)
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(scan)}"'
    del answer.headers["content-length"]  # that of the file, which is not made for this
    return answer


@serves(router, "GET", "/datastore/image/info")
def get_image_info(image: str, parts: PartsDep, project: OwnerDep) -> dict[str, Any]:
    """What is known of an image, and what clients keep with it."""
    scan = image_names.image(parts, project, image)
    return {**parts.repository.scans.info(project, scan.id), **facts(scan)}


@serves(router, "PUT", "/datastore/image/info")
async def put_image_info(
    request: Request, image: str, parts: PartsDep, project: OwnerDep
) -> dict[str, Any]:
    """Keeps a client's own dictionary with an image."""
    scan = await run_sync(image_names.image, parts, project, image)
    async with received(request, parts) as form:
        await run_sync(parts.repository.scans.set_info, project, scan.id, form.json("info"))
    return {}


@serves(router, "DELETE", "/datastore/image")
def delete_image(id: str, parts: PartsDep, project: OwnerDep) -> dict[str, str]:  # noqa: A002 - the word on the wire
    """Deletes an image with all that was made of it; refused while a job runs on it."""
    scan_intake.discard(parts, project, image_names.image(parts, project, id).id)
    return {}


def kept(parts: Parts, project: str, uploads: Sequence[Upload], image: str = "") -> StoredScan:
    """The scan of an upload, known by `image` from now on where that is not empty.

    Raises what `scan_intake.take_in` raises, and Conflict if another image has the name; then the
    scan is deleted again if it was new.
    """
    scan, created = taken(parts, project, uploads)
    name, now = base_name(image), time()
    if name and name != scan.id:
        try:
            parts.repository.image_names.add(ImageName(project, name, scan.id, now, now))
        except BaseException:
            if created:
                scan_intake.discard(parts, project, scan.id)
            raise
    return scan


def taken(parts: Parts, project: str, uploads: Sequence[Upload]) -> tuple[StoredScan, bool]:
    """The scan that files are together, and whether it is new; several scans are refused."""
    ((scan, created),) = scan_intake.take_in(parts, project, uploads)
    return scan, created


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
    """Of the file that a client gets: nothing of what the scan was called."""
    return f"{scan.id}{ENDING}"
