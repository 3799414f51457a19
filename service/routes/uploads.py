"""Uploads in several requests, for large files and connections that break off (tus 1.0.0)."""

from typing import Annotated, Any

from anyio.to_thread import run_sync
from fastapi import Query, Request, Response
from starlette.requests import ClientDisconnect

from service.auth import Permission, Principal
from service.http import tus
from service.http.audited import AuditedDep
from service.http.dependencies import (
    LegalHoldsDep,
    PartialUploadsDep,
    StorageRoomDep,
    UploadedScansDep,
    UploadThreadsDep,
)
from service.http.file_content import file_content
from service.http.methods import methods_of
from service.http.permissions import Allowed
from service.http.router import Router
from service.http.tus_version import VERSION
from service.resources.partial_uploads import PartialUpload, PartialUploads
from service.routes.scan_requests import UploadOptions, scans_out
from service.schemas import IdempotencyKey, ScanOut, ScansOut, UploadedIn, UploadId
from service.use_cases.uploaded_scans import FinishedUpload

router = Router(tags=["uploads"])

_BLOCK_BYTES = 1 << 20
_PART: dict[str, Any] = {
    "requestBody": {
        "content": file_content(tus.MEDIA_TYPE),
    }
}
Uploader = Annotated[Principal, Allowed(Permission.SCANS_WRITE)]


@router.options("/v1/uploads", status_code=204, dependencies=[Allowed(Permission.SCANS_WRITE)])
def describe_uploads(request: Request, uploads: PartialUploadsDep) -> Response:
    """The version and the extensions of tus that are supported, and the largest file."""
    return Response(
        status_code=204,
        headers={
            "Allow": ", ".join(methods_of(request)),
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": tus.EXTENSIONS,
            "Tus-Max-Size": str(uploads.limits.max_bytes),
        },
    )


@router.post("/v1/uploads", status_code=201, openapi_extra=_PART)
async def create_upload(
    request: Request,
    uploads: PartialUploadsDep,
    room: StorageRoomDep,
    principal: Uploader,
    _: tus.SpeaksTus,
    upload_length: tus.UploadLength,
    upload_metadata: tus.UploadMetadata = "",
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Creates an upload. The body may hold the beginning of the file, or be empty.

    The same Idempotency-Key returns the same upload again, with what has arrived of it. A file that
    is larger than the room that is left to the project is refused with 507.
    """
    await run_sync(room.check, principal.project, upload_length)
    name = tus.file_name(upload_metadata)
    upload = await run_sync(
        uploads.create, principal.project, principal.name, name, upload_length, idempotency_key
    )
    if "content-type" in request.headers and await run_sync(uploads.offset, upload) == 0:
        tus.check_media_type(request)
        await _receive(request, uploads, upload, 0)
    return await _state(uploads, upload, 201, {"Location": f"/v1/uploads/{upload.id}"})


@router.head("/v1/uploads/{upload_id}")
async def get_upload(
    upload_id: UploadId, uploads: PartialUploadsDep, principal: Uploader, _: tus.SpeaksTus
) -> Response:
    """How many bytes of the file have arrived: the header Upload-Offset."""
    upload = await run_sync(uploads.get, principal.project, upload_id)
    return await _state(uploads, upload, 200, {"Upload-Length": str(upload.length)})


@router.patch(
    "/v1/uploads/{upload_id}",
    status_code=204,
    openapi_extra=_PART,
)
async def continue_upload(
    upload_id: UploadId,
    request: Request,
    uploads: PartialUploadsDep,
    principal: Uploader,
    _: tus.SpeaksTus,
    upload_offset: tus.UploadOffset,
) -> Response:
    """Sends the file from Upload-Offset on; 409 if another number of bytes has arrived.

    What arrives is kept if the connection breaks off.
    """
    tus.check_media_type(request)
    upload = await run_sync(uploads.get, principal.project, upload_id)
    await _receive(request, uploads, upload, upload_offset)
    return await _state(uploads, upload, 204)


@router.delete("/v1/uploads/{upload_id}", status_code=204)
def delete_upload(
    upload_id: UploadId,
    uploads: PartialUploadsDep,
    holds: LegalHoldsDep,
    principal: Uploader,
    _: tus.SpeaksTus,
) -> Response:
    """Deletes an upload, complete or not; scans that were made of it stay. A 409 while the whole
    project is under a legal hold."""
    holds.check_project(principal.project)
    uploads.remove(uploads.get(principal.project, upload_id))
    return Response(status_code=204, headers={"Tus-Resumable": VERSION})


@router.post(
    "/v1/scans/uploaded",
    status_code=201,
    responses={200: {"model": ScanOut | ScansOut, "description": "The scan is stored already."}},
)
async def take_uploads_in(
    body: UploadedIn,
    response: Response,
    scans: UploadedScansDep,
    threads: UploadThreadsDep,
    audited: AuditedDep,
    principal: Uploader,
    options: Annotated[UploadOptions, Query()],
) -> ScanOut | ScansOut:
    """Makes a scan of complete uploads, as POST /v1/scans does of the files of a form.

    The uploads stay for some minutes, so that the request can be repeated; then they are deleted.
    """
    finished = [FinishedUpload(one.id, one.sha256) for one in body.uploads]
    result = await threads.run(
        scans.take_in, principal.project, finished, options.selection, principal.reader
    )
    return scans_out(result, options, response, audited)


async def _receive(
    request: Request, uploads: PartialUploads, upload: PartialUpload, offset: int
) -> None:
    """Appends the request's body; what has arrived when the connection breaks off, too."""
    block = bytearray()
    try:
        async for chunk in request.stream():
            block += chunk
            if len(block) >= _BLOCK_BYTES:
                offset = await run_sync(uploads.append, upload, offset, bytes(block))
                block.clear()
    except ClientDisconnect:
        await run_sync(uploads.append, upload, offset, bytes(block))
        raise
    await run_sync(uploads.append, upload, offset, bytes(block))


async def _state(
    uploads: PartialUploads, upload: PartialUpload, status: int, more: dict[str, str] | None = None
) -> Response:
    offset = await run_sync(uploads.offset, upload)
    headers = tus.headers(offset, await run_sync(uploads.expires_at, upload))
    return Response(status_code=status, headers={**headers, **(more or {})})
