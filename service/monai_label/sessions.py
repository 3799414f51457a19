"""Sessions: images that are kept for a while and then deleted with all their results."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Annotated, Any
from zipfile import ZipFile

from anyio.to_thread import run_sync
from fastapi import Depends, Query, Request
from starlette.responses import JSONResponse, Response

from imaging.errors import BadRequest
from imaging.formats.archive import DAMAGED, entries
from imaging.formats.atomic import raising_storage_full
from imaging.formats.limits import Limits
from jobs.audit.event import AuditObject
from jobs.image_name import ImageName
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import (
    ImageSessionsDep,
    ScansDep,
    ScanViewsDep,
    UploadSpaceDep,
    UploadThreadsDep,
    ViewThreadsDep,
    provided,
)
from service.http.downloads import file_response
from service.http.fetch_site import check_not_from_other_site
from service.http.multipart import base_name
from service.http.permissions import Allowed
from service.http.router import Router
from service.monai_label.endpoint import endpoint
from service.monai_label.form import received_form
from service.monai_label.images import ENDING
from service.resources.scratch import Scratch
from service.use_cases.image_sessions import ImageSessions
from service.use_cases.received_file import ReceivedFile

router = Router()

EXPIRY_S = 3600
MAX_EXPIRY_S = 7 * 86_400
_ZIP = b"PK\x03\x04"


@endpoint(router, "PUT", "/session")
async def put_session(
    request: Request,
    space: UploadSpaceDep,
    sessions: ImageSessionsDep,
    limits: Annotated[Limits, provided(Limits)],
    threads: UploadThreadsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_WRITE)],
    *,
    uncompress: bool = False,
    expiry: Annotated[int, Query(ge=0, le=MAX_EXPIRY_S)] = 0,
) -> dict[str, Any]:
    """Stores an image for `expiry` seconds after its last use; 0: for an hour."""
    async with received_form(request, space) as form:
        files = form.all_files("files")
        if not files:
            raise BadRequest(
                "The form holds no file.",
                expected="Files in the field `files`.",
                hint="Send at least one file.",
            )
        unzip = (space.scratch, limits) if uncompress else None
        session = await threads.run(
            _begin, sessions, principal.project, files, expiry or EXPIRY_S, unzip
        )
    audited.add(AuditObject.SESSION, session.name)
    audited.add(AuditObject.SCAN, session.scan)
    return {"session_id": session.name, "session_info": _info(session)}


@endpoint(router, "GET", "/session/{session_id}", Depends(check_not_from_other_site))
async def get_session(
    session_id: str,
    sessions: ImageSessionsDep,
    scans: ScansDep,
    views: ScanViewsDep,
    threads: ViewThreadsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_READ)],
    *,
    image: bool = False,
) -> Response:
    """A session, or with `image=true` its image. Counts as a use; 404 once it has expired."""
    session = await run_sync(sessions.use, principal.project, session_id)
    if not image:
        return JSONResponse(_info(session))
    scan = await run_sync(scans.get, principal.project, session.scan)
    audited.add(AuditObject.SCAN, scan.id)
    return file_response(await threads.run(views.volume, scan))


@endpoint(router, "DELETE", "/session/{session_id}")
def delete_session(
    session_id: str,
    sessions: ImageSessionsDep,
    audited: AuditedDep,
    principal: Annotated[Principal, Allowed(Permission.SCANS_DELETE)],
) -> dict[str, Any]:
    """Ends a session; its image is deleted unless it existed before or a label of it was kept."""
    session = sessions.use(principal.project, session_id)
    if sessions.end(session):
        audited.add(AuditObject.SCAN, session.scan)
    return _info(session)


def _begin(
    sessions: ImageSessions,
    project: str,
    files: Sequence[ReceivedFile],
    expiry_s: float,
    unzip: tuple[Scratch, Limits] | None,
) -> ImageName:
    if unzip is None:
        return sessions.begin(project, files, expiry_s)
    with _unzipped(files, *unzip) as unpacked:
        return sessions.begin(project, unpacked, expiry_s)


@contextmanager
def _unzipped(
    files: Sequence[ReceivedFile], scratch: Scratch, limits: Limits
) -> Iterator[Sequence[ReceivedFile]]:
    """The one file of a single zip archive; an archive of several files is a series, left as is."""
    with ExitStack() as stack:
        if len(files) != 1:
            yield files
            return
        yield [_only_entry(files[0], scratch, limits, stack) or files[0]]


def _only_entry(
    file: ReceivedFile, scratch: Scratch, limits: Limits, stack: ExitStack
) -> ReceivedFile | None:
    with file.path.open("rb") as start:
        if start.read(4) != _ZIP:
            return None
    try:
        sizes = {name: size for name, size in entries(file.path).items() if name[-1:] != "/"}
        if len(sizes) != 1:
            return None
        (name, size), path = sizes.popitem(), stack.enter_context(scratch.file())
        limits.check_bytes(size)
        with (
            raising_storage_full(),
            ZipFile(file.path) as archive,
            archive.open(name) as source,
            path.open("wb") as out,
        ):
            shutil.copyfileobj(source, out)  # zipfile stops at the size that the entry states
    except DAMAGED as error:
        raise BadRequest(
            "The zip archive cannot be unpacked.",
            expected="A complete zip archive without a password.",
            hint="Pack it again, or send the files themselves.",
        ) from error
    return ReceivedFile(path, base_name(name) or "scan", size)


def _info(session: ImageName) -> dict[str, Any]:
    return {
        "name": session.name,
        "image": f"{session.scan}{ENDING}",
        "meta": {},
        "create_ts": int(session.created_at),
        "last_access_ts": int(session.used_at),
        "expiry": int(session.expiry_s or 0),
    }
