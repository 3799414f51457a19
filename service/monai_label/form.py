"""A MONAI Label client's form of fields and files, streamed into scratch."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from imaging.errors import BadRequest
from service.http.multipart import FIELD_BYTES, FormRules, boundary_of, fields_of, read_form
from service.http.uploads import UploadSpace
from service.use_cases.received_file import ReceivedFile

EXPECTED = "A multipart/form-data body as MONAI Label's clients send it."
HINT = "Send the request again. If it fails again, update the client."


@dataclass(frozen=True, slots=True)
class Form:
    """The text of each field, and each file with its field's name."""

    fields: dict[str, str]
    files: tuple[tuple[str, ReceivedFile], ...] = ()

    def all_files(self, field: str) -> list[ReceivedFile]:
        """The files of a field."""
        return [file for name, file in self.files if name == field]

    def file(self, field: str) -> ReceivedFile:
        """The one file of a field; raises BadRequest for none or several."""
        files = self.all_files(field)
        if len(files) != 1:
            raise BadRequest(
                f"The form holds {len(files)} files in the field `{field}`.",
                expected=f"One file in the field `{field}`.",
                hint="Send it as multipart/form-data.",
            )
        return files[0]

    def json(self, field: str) -> dict[str, Any]:
        """A field's JSON object; {} without the field. Raises BadRequest."""
        try:
            value = json.loads(self.fields.get(field) or "{}")
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # it will be sent again
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise BadRequest(
                f"The field `{field}` does not hold a JSON object.",
                expected="A JSON object as in RFC 8259: no NaN, no lone surrogates.",
                hint="Correct it, or omit it.",
            )
        return value


@asynccontextmanager
async def received_form(request: Request, space: UploadSpace) -> AsyncIterator[Form]:
    """The request's form; its files are removed at the end of the block unless moved away.

    Raises BadRequest, ScanTooLarge, StorageFull and starlette's ClientDisconnect.
    """
    rules = FormRules(space.max_bytes, EXPECTED, HINT)
    if not boundary_of(request):
        yield await _form_without_files(request, rules)
        return
    with space.scratch.subfolder() as folder:
        reader = await read_form(request, folder, rules)
        yield Form(reader.text_fields(), tuple(reader.files))


async def received_fields(request: Request) -> dict[str, str]:
    """The fields of the request's form, which holds no files; raises BadRequest.

    Needs no disk and no thread: it is for callers that are not known yet.
    """
    rules = FormRules(0, EXPECTED, HINT)
    boundary = boundary_of(request)
    if not boundary:
        return (await _form_without_files(request, rules)).fields
    return fields_of(boundary, await request.body(), rules)


async def _form_without_files(request: Request, rules: FormRules) -> Form:
    kind, body = request.headers.get("content-type", ""), await _short_body(request, rules)
    if kind.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        if body.strip():
            raise rules.refusal("The body is not a form.")
        return Form({})
    try:
        return Form(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except UnicodeDecodeError as error:
        raise rules.refusal("The form is not UTF-8.") from error


async def _short_body(request: Request, rules: FormRules) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FIELD_BYTES:
            raise rules.refusal("The fields of the form are too long.")
    return bytes(body)
