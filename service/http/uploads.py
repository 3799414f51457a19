"""The files of an upload."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.requests import Request

from service.http.multipart import Rules, Upload, stream
from service.resources.scratch import Scratch

__all__ = ["Upload", "uploaded"]

FIELD = "files"
EXPECTED = f"A multipart/form-data body whose fields `{FIELD}` hold a file each."
MEND = f"Send it as `curl -F {FIELD}=@scan.nii.gz .../v1/scans` does."


@asynccontextmanager
async def uploaded(request: Request, scratch: Scratch, limit: int) -> AsyncIterator[list[Upload]]:
    """The files of a multipart request, gone again at the end of the block unless moved.

    Raises BadRequest where the form holds anything but files, ScanTooLarge above `limit` bytes in
    all, StorageFull, and starlette's ClientDisconnect where the sender went away.
    """
    rules = Rules(limit, EXPECTED, MEND, only=FIELD)
    with scratch.subfolder() as folder:
        form = await stream(request, folder, rules)
        if not form.files:
            raise rules.refusal("The form holds no file.")
        yield [replace(upload, name=upload.name or "scan") for _, upload in form.files]
