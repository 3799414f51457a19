"""Uploads: small files in one request, others so that they continue after a lost connection.

The second way is tus 1.0.0 (https://tus.io/protocols/resumable-upload): the upload is created,
bytes are appended, and after a failure the server says how many have arrived. Its key is made of
the file's content, so that another process can continue it, too.
"""

import base64
import hashlib
from contextlib import suppress
from dataclasses import asdict

from tessera_client.errors import Conflict, NotFound, TesseraError, Unavailable
from tessera_client.operations.exchange import checked, exchange
from tessera_client.operations.local_file import LocalFile, one_file
from tessera_client.retries import Retries, Tries
from tessera_client.steps import (
    BytesSent,
    FileForm,
    FileRest,
    Reply,
    Request,
    Send,
    Sleep,
    Steps,
    decoded,
    not_of_tessera,
)
from tessera_client.types import Scan, Selection, Source, Upload

ONE_REQUEST_BYTES = 4 << 20
"""Largest file that is sent in one request."""
_INTAKE_S = 1800.0
"""Time for the server to verify and store a large scan."""
_TUS = {"Tus-Resumable": "1.0.0"}
_PART = {**_TUS, "Content-Type": "application/offset+octet-stream"}


def upload(
    retries: Retries, source: Source, selection: Selection, on_sent: BytesSent | None
) -> Steps[Scan]:
    """Uploads one scan."""
    return decoded(Scan, (yield from _uploaded(retries, source, _query(selection), on_sent)))


def upload_each(
    retries: Retries, source: Source, selection: Selection, on_sent: BytesSent | None
) -> Steps[Upload]:
    """Uploads all scans that a file or folder holds."""
    query = {**_query(selection), "each": "true"}
    return decoded(Upload, (yield from _uploaded(retries, source, query, on_sent)))


def _query(selection: Selection) -> dict[str, str]:
    default = asdict(Selection())
    stated = {name: value for name, value in asdict(selection).items() if value != default[name]}
    return {name: "true" if value is True else str(value) for name, value in stated.items()}


def _uploaded(
    retries: Retries, source: Source, query: dict[str, str], on_sent: BytesSent | None
) -> Steps[Reply]:
    report: BytesSent = on_sent or (lambda _done, _total: None)
    with one_file(source) as file:
        if file.length > ONE_REQUEST_BYTES:
            # NotFound: an older server, or the upload is on another gateway or has expired
            with suppress(NotFound):
                return (yield from _in_parts(retries, file, query, report))
        return (yield from _in_one(retries, file, query, report))


def _in_one(
    retries: Retries, file: LocalFile, query: dict[str, str], report: BytesSent
) -> Steps[Reply]:
    """Sends the whole file. The server stores the same scan once, so it may be sent again."""
    body = FileForm(file.path, file.name, report)
    request = Request("POST", "/v1/scans", query, body=body, patience_s=_INTAKE_S)
    return (yield from exchange(retries, request))


def _in_parts(
    retries: Retries, file: LocalFile, query: dict[str, str], report: BytesSent
) -> Steps[Reply]:
    sha256 = file.sha256()
    created = yield from exchange(retries, _creation(file, sha256))
    address = created.headers.get("location", "")
    yield from _send_all(retries, file, address, _offset(created), report)
    finished = {"uploads": [{"id": address.rpartition("/")[2], "sha256": sha256}]}
    request = Request("POST", "/v1/scans/uploaded", query, json=finished, patience_s=_INTAKE_S)
    reply = yield from exchange(retries, request)
    with suppress(TesseraError):  # else it expires
        checked((yield Send(Request("DELETE", address, headers=_TUS))))
    return reply


def _creation(file: LocalFile, sha256: str) -> Request:
    name = base64.b64encode(file.name.encode()).decode()
    key = hashlib.sha256(f"{sha256} {file.name}".encode()).hexdigest()
    stated = {
        "Upload-Length": str(file.length),
        "Upload-Metadata": f"filename {name}",
        "Idempotency-Key": key,
    }
    return Request("POST", "/v1/uploads", headers={**_TUS, **stated})


def _send_all(
    retries: Retries, file: LocalFile, address: str, offset: int, report: BytesSent
) -> Steps[None]:
    """Sends the file from `offset` on, until the server has all of it."""
    tries = Tries(retries)
    report(offset, file.length)
    while offset < file.length:
        body = FileRest(file.path, offset, file.length, report)
        headers = {**_PART, "Upload-Offset": str(offset)}
        try:
            reply = checked((yield Send(Request("PATCH", address, headers=headers, body=body))))
            offset = _offset(reply)
        except (Unavailable, Conflict) as failure:  # Conflict: an earlier request arrived later
            known = failure if isinstance(failure, Unavailable) else Unavailable(failure.detail)
            pause_s = tries.pause_s(known)
            if pause_s is None:
                raise
            yield Sleep(pause_s)
            head = Request("HEAD", address, headers=_TUS)
            arrived = _offset((yield from exchange(retries, head)))
            if arrived > offset:
                tries.reset()
            offset = arrived
            report(offset, file.length)


def _offset(reply: Reply) -> int:
    offset = reply.headers.get("upload-offset", "")
    if not offset.isdecimal():
        raise not_of_tessera()
    return int(offset)
