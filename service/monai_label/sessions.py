"""Sessions: images that come for a while, and go with all that was made of them."""

import asyncio
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from time import time
from typing import Annotated, Any
from uuid import uuid4
from zipfile import BadZipFile, ZipFile

from anyio.to_thread import run_sync
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from imaging.errors import BadRequest, Conflict, NotFound, TesseraError
from imaging.formats.archive import entries
from jobs import problem
from jobs.job import ImageName
from service.http.multipart import Upload, base_name
from service.monai_label.endpoint import serves
from service.monai_label.form import received
from service.monai_label.images import ENDING, taken
from service.parts import OwnerDep, Parts, PartsDep
from service.use_cases import results, scan_intake

router = APIRouter()
logger = logging.getLogger("tessera.service")

EXPIRY_S = 3600
LONGEST_S = 7 * 86_400
LOOK_S = 30.0
_ZIP = b"PK\x03\x04"


@serves(router, "PUT", "/session")
async def put_session(
    request: Request,
    parts: PartsDep,
    project: OwnerDep,
    *,
    uncompress: bool = False,
    expiry: Annotated[int, Query(ge=0, le=LONGEST_S)] = 0,
) -> dict[str, Any]:
    """Takes an image in for `expiry` seconds after its last use, an hour where none are given."""
    async with received(request, parts) as form:
        uploads = form.uploads("files")
        session = await parts.take_in(
            _made, parts, project, uploads, expiry or EXPIRY_S, unpack=uncompress
        )
    return {"session_id": session.name, "session_info": _info(session)}


@serves(router, "GET", "/session/{session_id}")
async def get_session(
    session_id: str, parts: PartsDep, project: OwnerDep, *, image: bool = False
) -> Response:
    """A session, used by this, or with `image=true` its image; 404 once it is over."""
    session = await run_sync(parts.repository.sessions.use, project, session_id)
    if not image:
        return JSONResponse(_info(session))
    scan = await run_sync(parts.repository.scans.get, project, session.scan)
    return await parts.show(results.volume, parts, scan, f"{scan.sha256}-volume")


@serves(router, "DELETE", "/session/{session_id}")
def delete_session(session_id: str, parts: PartsDep, project: OwnerDep) -> dict[str, Any]:
    """Ends a session; its image goes unless it was here before, or a label of it was kept."""
    session = parts.repository.sessions.use(project, session_id)
    end(parts, session)
    return _info(session)


async def end_in_time(parts: Parts) -> None:
    """Ends sessions as they expire, for as long as the gateway runs."""
    while True:
        try:
            for session in await run_sync(parts.repository.sessions.expired):
                await run_sync(end, parts, session)
        except TesseraError as error:
            logger.warning("Sessions that are over wait: %s", error)
        except Exception as error:  # noqa: BLE001 - a task that ends serves nobody
            problem.logged(error, logger)
        await asyncio.sleep(LOOK_S)


def end(parts: Parts, session: ImageName) -> None:
    """Forgets a session, and its image where that came with it and nobody needs it any more."""
    if session.brought and not _needed(parts, session):
        try:
            with suppress(NotFound):
                scan_intake.discard(parts, session.project, session.scan)
        except Conflict:  # a job runs on it: the session ends when that is over
            return
    parts.repository.image_names.delete(session.project, session.name)


def _needed(parts: Parts, session: ImageName) -> bool:
    """By another session, which then takes it along, or by whoever named, drew or reviewed."""
    ids, repository = [session.scan], parts.repository
    return (
        repository.sessions.hand_over(session)
        or bool(repository.labels.newest(ids))
        or bool(repository.image_names.of_scans(ids))
        or any(job.verdict for job in repository.jobs.succeeded_on(session.project, session.scan))
    )


def _made(
    parts: Parts, project: str, uploads: Sequence[Upload], expiry_s: float, *, unpack: bool
) -> ImageName:
    if not uploads:
        raise BadRequest(
            "The form holds no file.", expected="Files in the field `files`.", hint="Send some."
        )
    with _unpacked(parts, uploads) if unpack else _as_they_are(uploads) as files:
        scan, created = taken(parts, project, files)
    now = time()
    session = ImageName(project, uuid4().hex, scan.id, now, now, expiry_s, created)
    parts.repository.image_names.add(session)
    return session


@contextmanager
def _as_they_are(uploads: Sequence[Upload]) -> Iterator[Sequence[Upload]]:
    yield uploads


@contextmanager
def _unpacked(parts: Parts, uploads: Sequence[Upload]) -> Iterator[Sequence[Upload]]:
    """The one file of a zip, where that is all that came: a zip of more is a series' own form."""
    with ExitStack() as stack:
        yield [
            _only_file(parts, upload, stack) or upload if len(uploads) == 1 else upload
            for upload in uploads
        ]


def _only_file(parts: Parts, upload: Upload, stack: ExitStack) -> Upload | None:
    with upload.path.open("rb") as file:
        if file.read(4) != _ZIP:
            return None
    try:
        files = {name: size for name, size in entries(upload.path).items() if name[-1:] != "/"}
        if len(files) != 1:
            return None
        (name, size), path = files.popitem(), stack.enter_context(parts.scratch.file())
        parts.limits.check_bytes(size)
        with ZipFile(upload.path) as archive, archive.open(name) as source, path.open("wb") as out:
            shutil.copyfileobj(source, out)  # zipfile gives no more than the entry promises
    except (BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadRequest(
            "The zip archive cannot be unpacked.",
            expected="A whole zip archive without a password.",
            hint="Pack it again, or send the files themselves.",
        ) from error
    return Upload(path, base_name(name) or "scan", size)


def _info(session: ImageName) -> dict[str, Any]:
    return {
        "name": session.name,
        "image": f"{session.scan}{ENDING}",
        "meta": {},
        "create_ts": int(session.created_at),
        "last_access_ts": int(session.used_at),
        "expiry": int(session.expiry_s or 0),
    }
