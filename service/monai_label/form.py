"""A form of fields and files, streamed into scratch as it comes."""

import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, unquote

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import full_disk_told
from service.monai_label.names import base_name
from service.parts import Parts
from service.upload import Upload

FIELD_BYTES = 1 << 20
"""Of all fields together; a `params` has a few hundred bytes."""
FILES = 20_000
_HEADER_BYTES = 8192
_BLOCK_BYTES = 1 << 20


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
                todo="Send it as multipart/form-data.",
            )
        return found[0]

    def json(self, field: str) -> dict[str, Any]:
        """A field's JSON object; {} where it did not come. Raises BadRequest."""
        try:
            found = json.loads(self.fields.get(field) or "{}")
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise BadRequest(
                f"The field `{field}` holds no JSON object.",
                expected="A JSON object.",
                todo="Mend it, or leave it out.",
            )
        return found


@asynccontextmanager
async def received(request: Request, parts: Parts) -> AsyncIterator[Form]:
    """The request's form; its files are gone at the end of the block unless moved.

    Raises BadRequest, ScanTooLarge, StorageFull and starlette's ClientDisconnect.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind == b"multipart/form-data" and options.get(b"boundary"):
        with parts.scratch.subfolder() as folder, ExitStack() as stack:
            reader = _Reader(options[b"boundary"], parts.settings.upload_bytes, folder, stack)
            await _stream(request, reader)
            yield reader.form()
        return
    body = await _small(request)
    if kind != b"application/x-www-form-urlencoded":
        if body.strip():
            raise _malformed("The body is no form.")
        body = b""
    try:
        yield Form(dict(parse_qsl(body.decode(), keep_blank_values=True)))
    except UnicodeDecodeError as error:
        raise _malformed("The form is no UTF-8.") from error


async def _small(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > FIELD_BYTES:
            raise _long()
    return bytes(body)


async def _stream(request: Request, reader: "_Reader") -> None:
    block = bytearray()
    async for chunk in request.stream():
        block += chunk
        if len(block) >= _BLOCK_BYTES:
            await anyio.to_thread.run_sync(reader.feed, bytes(block))
            block.clear()
    await anyio.to_thread.run_sync(reader.feed, bytes(block))


class _Reader:
    """Takes a multipart body apart; each file goes to scratch as it comes."""

    def __init__(self, boundary: bytes, limit: int, folder: Path, stack: ExitStack) -> None:
        self._limit, self._folder, self._stack = limit, folder, stack
        self._left, self._fields_left = limit, FIELD_BYTES
        self._fields: dict[str, bytearray] = {}
        self._files: list[tuple[str, Upload]] = []
        self._file: IO[bytes] | None = None
        self._now: tuple[str, Upload] | None = None
        self._name = ""
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_header,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._open,
                "on_part_data": self._on_data,
                "on_part_end": self._close,
                "on_end": self._end,
            },
        )

    def feed(self, block: bytes) -> None:
        """Takes the next bytes of the body; what follows its last boundary is nobody's."""
        if self._ended:
            return
        try:
            with full_disk_told():
                self._parser.write(block)
        except FormParserError as error:
            raise _malformed("The multipart form is malformed.") from error

    def form(self) -> Form:
        """The whole of it; raises BadRequest where its end did not come."""
        if not self._ended:
            raise _malformed("The form ends before its last boundary.")
        try:
            fields = {name: bytes(value).decode() for name, value in self._fields.items()}
        except UnicodeDecodeError as error:
            raise _malformed("A field of the form is no UTF-8.") from error
        return Form(fields, tuple(self._files))

    def _begin(self) -> None:
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""

    def _on_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > _HEADER_BYTES:
            raise _malformed("A part of the form has a header that is far too long.")

    def _on_header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        called = _file_name(options)
        if not self._name:
            raise _malformed("A part of the form has no name.")
        if called is None:
            self._fields[self._name] = bytearray()
            return
        if len(self._files) >= FILES:
            raise _malformed(f"The form holds more than {FILES:,} files.")
        path = self._folder / str(len(self._files))
        self._file = self._stack.enter_context(path.open("wb"))
        self._now = (self._name, Upload(path, base_name(called), 0))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        size = end - start
        if self._file is None or self._now is None:
            self._fields_left -= size
            if self._fields_left < 0:
                raise _long()
            self._fields[self._name] += data[start:end]
            return
        self._left -= size
        if self._left < 0:
            raise ScanTooLarge(
                "The file is larger than is taken here.",
                expected=f"At most {self._limit:,} bytes.",
                todo="Cut or compress it, or have the limit (TESSERA_UPLOAD_BYTES) raised.",
            )
        self._file.write(data[start:end])

    def _close(self) -> None:
        if self._file is None or self._now is None:
            return
        size = self._file.tell()
        self._file.close()
        field, upload = self._now
        self._files.append((field, Upload(upload.path, upload.name, size)))
        self._file = self._now = None

    def _end(self) -> None:
        self._ended = True


def _file_name(options: dict[bytes, bytes]) -> str | None:
    extended = options.get(b"filename*")
    if extended is not None:  # RFC 5987, as `requests` sends what is not ASCII
        return unquote(extended.decode("latin-1").rpartition("'")[2])
    plain = options.get(b"filename")
    return None if plain is None else plain.decode("utf-8", "replace")


def _long() -> BadRequest:
    return BadRequest(
        "The fields of the form are far too long.",
        expected=f"At most {FIELD_BYTES:,} bytes beside the files.",
        todo="Send less in `params`.",
    )


def _malformed(came: str) -> BadRequest:
    return BadRequest(
        came,
        expected="A multipart/form-data body, as MONAI Label's clients send it.",
        todo="Send the request again; if it stays so, update the client.",
    )
