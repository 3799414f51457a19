"""Uploads: the files of a multipart request, in scratch for as long as the request runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from starlette.requests import Request

from service.http.multipart import FormRules, read_form
from service.resources.scratch import Scratch
from service.use_cases.received_file import UNNAMED, ReceivedFile

FIELD = "files"
EXPECTED = f"A multipart/form-data body whose fields `{FIELD}` hold a file each."
HINT = f"Send it as `curl -F {FIELD}=@scan.nii.gz .../v1/scans` does."


@dataclass(frozen=True, slots=True)
class UploadSpace:
    """Where uploads are written and how large they may be."""

    scratch: Scratch
    max_bytes: int
    """Of all files of a request together."""


@asynccontextmanager
async def uploaded_files(request: Request, space: UploadSpace) -> AsyncIterator[list[ReceivedFile]]:
    """The files of a multipart request, removed at the end of the block unless moved away.

    Raises BadRequest if the form holds anything but files, ScanTooLarge above the size limit,
    StorageFull, and starlette's ClientDisconnect if the connection broke off.
    """
    rules = FormRules(space.max_bytes, EXPECTED, HINT, only=FIELD)
    with space.scratch.subfolder() as folder:
        form = await read_form(request, folder, rules)
        if not form.files:
            raise rules.refusal("The form holds no file.")
        yield [replace(file, name=file.name or UNNAMED) for _, file in form.files]
