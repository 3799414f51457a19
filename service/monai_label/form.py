"""A form of fields and files, streamed into scratch as it comes."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from imaging.errors import BadRequest
from service.http.multipart import FIELD_BYTES, Rules, Upload, boundary_of, stream
from service.parts import Parts

EXPECTED = "A multipart/form-data body, as MONAI Label's clients send it."
MEND = "Send the request again; if it stays so, update the client."


@dataclass(frozen=True, slots=True)
class Form:
    """What came: text by field, and files with the field that each came in."""

    fields: dict[str, str]
    files: tuple[tuple[str, Upload], ...] = ()

    def uploads(self, field: str) -> list[Upload]:
        """The files of a field."""
        return [upload for name, upload in self.files if name == field]

    def upload(self, field: str) -> Upload:
        """The one file of a field; raises BadRequest."""
        found = self.uploads(field)
        if len(found) != 1:
            raise BadRequest(
                f"The form holds {len(found)} files in the field `{field}`.",
                expected=f"One file in the field `{field}`.",
                hint="Send it as multipart/form-data.",
            )
        return found[0]

    def json(self, field: str) -> dict[str, Any]:
        """A field's JSON object; {} where it did not come. Raises BadRequest."""
        try:
            found = json.loads(self.fields.get(field) or "{}")
            json.dumps(found, ensure_ascii=False, allow_nan=False).encode()  # it is kept and told
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise BadRequest(
                f"The field `{field}` holds no JSON object.",
                expected="A JSON object as RFC 8259 has it: no NaN, no half of a character.",
                hint="Mend it, or leave it out.",
            )
        return found


@asynccontextmanager
async def received(request: Request, parts: Parts) -> AsyncIterator[Form]:
    """The request's form; its files are gone at the end of the block unless moved.

    Raises BadRequest, ScanTooLarge, StorageFull and starlette's ClientDisconnect.
    """
    rules = Rules(parts.settings.upload_bytes, EXPECTED, MEND)
    if not boundary_of(request):
        yield await _fields(request, rules)
        return
    with parts.scratch.subfolder() as folder:
        found = await stream(request, folder, rules)
        try:
            fields = {name: value.decode() for name, value in found.fields.items()}
        except UnicodeDecodeError as error:
            raise rules.refusal("A field of the form is no UTF-8.") from error
        yield Form(fields, tuple(found.files))


async def _fields(request: Request, rules: Rules) -> Form:
    """A form of fields alone, or no body at all."""
    kind, body = request.headers.get("content-type", ""), await _small(request, rules)
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        if body.strip():
            raise rules.refusal("The body is no form.")
        return Form({})
    try:
        return Form(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except UnicodeDecodeError as error:
        raise rules.refusal("The form is no UTF-8.") from error


async def _small(request: Request, rules: Rules) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FIELD_BYTES:
            raise rules.refusal("The fields of the form are far too long.")
    return bytes(body)
