"""Labels of the datastore: masks that readers corrected or drew, and the networks' own masks."""

import re
from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Depends, Request, Response

from imaging.errors import BadRequest
from imaging.formats import registry
from jobs.audit.event import AuditObject
from jobs.blobs import Blobs
from jobs.repository import FINAL
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    NamedScansDep,
    UploadSpaceDep,
    UploadThreadsDep,
    ViewThreadsDep,
    provided,
)
from service.http.downloads import file_response
from service.http.multipart import base_name
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.datastore import ORIGINAL, LabelsDep, label_out
from service.monai_label.endpoint import endpoint
from service.monai_label.form import received_form
from service.monai_label.image_lookup import ImageLookupDep
from service.monai_label.label_store import LabelStore
from service.use_cases.downloads import stored_file

router = Router()

_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")

LabelStoreDep = Annotated[LabelStore, provided(LabelStore)]
ReadsReviews = Annotated[Principal, Allowed(Permission.REVIEWS_READ)]
WritesReviews = Annotated[Principal, Allowed(Permission.REVIEWS_WRITE)]


class LabelInfoUpdate:
    """Adds to the dictionary that is stored with a label."""

    def __init__(self, space: UploadSpaceDep, images: ImageLookupDep, labels: LabelsDep) -> None:
        self._space, self._images, self._labels = space, images, labels

    async def add(
        self, request: Request, principal: Principal, label: str, tag: str, field: str
    ) -> dict[str, str]:
        """Stores the members of the JSON object in the form's `field`.

        Raises Forbidden for the label of another reader, and NotFound.
        """
        scan = await self._images.find(principal, label)
        reader_tag, project = _reader_tag(tag), principal.project
        async with received_form(request, self._space) as form:
            info = form.json(field)
        await run_sync(self._labels.add_info, project, scan.id, reader_tag, info, principal.reader)
        return {}


UpdateDep = Annotated[LabelInfoUpdate, Depends()]


@endpoint(router, "PUT", "/datastore/label")
async def put_label(
    request: Request,
    image: str,
    space: UploadSpaceDep,
    images: ImageLookupDep,
    store: LabelStoreDep,
    threads: UploadThreadsDep,
    principal: WritesReviews,
    tag: str = FINAL,
) -> dict[str, str]:
    """Stores a label map as a review with the verdict `corrected`; see docs/how-to/viewers.md."""
    scan = await images.find(principal, image)
    reader_tag = _reader_tag(tag)
    async with received_form(request, space) as form:
        sent, params = form.file("label").path, form.json("params")
        await threads.run(store.save, scan, reader_tag, sent, params, principal.reader)
    return {"image": image, "label": image}


@endpoint(router, "GET", "/datastore/label")
async def get_label(
    label: str,
    images: ImageLookupDep,
    store: LabelStoreDep,
    blobs: Annotated[Blobs, provided(Blobs)],
    threads: ViewThreadsDep,
    principal: ReadsReviews,
    tag: str = FINAL,
) -> Response:
    """A label map as it is stored, on its image's grid: NIfTI for a volume, PNG for a 2D image."""
    scan = await images.find(principal, label)
    mask = await run_sync(store.mask, scan, _any_tag(tag), principal.reader)
    stored = registry.mask_format(mask.format)
    name = f"{scan.id}{stored.file_ending}"
    return file_response(
        await threads.run(stored_file, blobs, mask.sha256, name, stored.media_type)
    )


@endpoint(router, "HEAD", "/datastore/label")
async def head_label(
    image: str,
    images: ImageLookupDep,
    store: LabelStoreDep,
    principal: ReadsReviews,
    tag: str = FINAL,
) -> Response:
    """Whether the label exists. Unlike GET, clients name it with the parameter `image`."""
    scan = await images.find(principal, image)
    mask = await run_sync(store.mask, scan, _any_tag(tag), principal.reader)
    response = Response(media_type=registry.mask_format(mask.format).media_type)
    del response.headers["content-length"]  # that of the file, not of this response
    return response


@endpoint(router, "GET", "/datastore/label/info")
async def get_label_info(
    label: str,
    images: ImageLookupDep,
    labels: LabelsDep,
    store: LabelStoreDep,
    principal: ReadsReviews,
    tag: str = FINAL,
) -> dict[str, Any]:
    """What clients stored with a label map."""
    scan = await images.find(principal, label)
    if tag == ORIGINAL:
        job = await run_sync(store.newest_job, scan)
        return {"model": job.model, "version": job.model_version, "ts": int(job.finished_at or 0)}
    review = await run_sync(
        labels.get, principal.project, scan.id, _reader_tag(tag), principal.reader
    )
    info: dict[str, Any] = label_out(review)["info"]
    return info


@endpoint(router, "PUT", "/datastore/label/info")
async def put_label_info(
    request: Request, label: str, update: UpdateDep, principal: WritesReviews, tag: str = FINAL
) -> dict[str, str]:
    """Adds to what is stored with a label map of one's own."""
    return await update.add(request, principal, label, tag, "info")


@endpoint(router, "PUT", "/datastore/updatelabelinfo")
async def update_label_info(
    request: Request, label: str, update: UpdateDep, principal: WritesReviews, tag: str = FINAL
) -> dict[str, str]:
    """The same, by its older address with its older field."""
    return await update.add(request, principal, label, tag, "params")


@endpoint(router, "DELETE", "/datastore/label")
def delete_label(
    id: str,  # noqa: A002 - the name on the wire
    scans: NamedScansDep,
    store: LabelStoreDep,
    audited: AuditedDep,
    principal: WritesReviews,
    tag: str = FINAL,
) -> dict[str, str]:
    """Deletes the label under a tag, with the reviews that hold it.

    Masks of other readers stay where readers have accounts; one that a second reading has compared
    stays in any case.
    """
    scan = scans.find(principal, base_name(id))
    audited.add(AuditObject.SCAN, scan.id)
    store.delete(scan, _reader_tag(tag), principal.reader)
    return {}


def _any_tag(tag: str) -> str:
    return tag if tag == ORIGINAL else _reader_tag(tag)


def _reader_tag(tag: str) -> str:
    """The tag of a reader's label; raises BadRequest for a tag that readers cannot use."""
    tag = tag or FINAL
    if _TAG.fullmatch(tag) and tag != ORIGINAL:
        return tag
    raise BadRequest(
        "This tag is reserved or not valid.",
        expected=f"`{FINAL}`, or another name of letters, digits, spaces, dots and hyphens; "
        f"`{ORIGINAL}` is the network's own mask.",
        hint="Omit the tag.",
    )
