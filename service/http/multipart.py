"""Multipart forms, streamed: files are written to a folder, fields are kept in memory."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import raising_storage_full
from imaging.printable import printable
from service.use_cases.received_file import ReceivedFile

FIELD_BYTES = 1 << 20
"""Largest size of all fields together."""
_FIELD_COST = 200
"""Bytes of memory that an empty field uses."""
MOST_FILES = 20_000
"""Of a form, each of which costs a new file on the disk; an archive may hold more."""
_HEADER_BYTES = 8192
_BLOCK_BYTES = 1 << 20
_NAME_LETTERS = 255


@dataclass(frozen=True, slots=True)
class FormRules:
    """What a form may hold, and what an error tells its sender."""

    file_bytes: int
    """Largest size of all files together."""
    expected: str
    hint: str
    only: str | None = None
    """The only field name that is allowed, for files; None: any fields and files."""
    files: bool = True
    """Whether it may hold files."""

    def refusal(self, detail: str) -> BadRequest:
        """The error for a form that breaks the rules."""
        return BadRequest(detail, expected=self.expected, hint=self.hint)


def boundary_of(request: Request) -> bytes:
    """The boundary of a multipart form; empty for any other body."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    return options.get(b"boundary", b"") if kind == b"multipart/form-data" else b""


async def read_form(request: Request, folder: Path, rules: FormRules) -> "FormReader":
    """Reads the request's form to its end, the files into `folder`.

    Raises BadRequest, ScanTooLarge, StorageFull and starlette's ClientDisconnect.
    """
    with ExitStack() as stack:
        reader = FormReader(boundary_of(request), folder, rules, stack)
        block, first = bytearray(), True
        async for chunk in request.stream():
            block += chunk
            if first or len(block) >= _BLOCK_BYTES:
                await anyio.to_thread.run_sync(reader.feed, bytes(block))
                block.clear()
                first = False
        await anyio.to_thread.run_sync(reader.feed, bytes(block))
        reader.finish()
        return reader


def fields_of(boundary: bytes, body: bytes, rules: FormRules) -> dict[str, str]:
    """The fields of a short form without files; raises BadRequest."""
    with ExitStack() as stack:
        reader = FormReader(boundary, Path(), replace(rules, files=False), stack)
        reader.feed(body)
        reader.finish()
        return reader.text_fields()


class FormReader:
    """Parses a multipart body (RFC 7578) block by block."""

    def __init__(self, boundary: bytes, folder: Path, rules: FormRules, stack: ExitStack) -> None:
        if not boundary:
            raise rules.refusal("The body is not a multipart form.")
        self.fields: dict[str, bytearray] = {}
        self.files: list[tuple[str, ReceivedFile]] = []
        """Field name and file."""
        self._rules, self._folder = rules, folder
        self._file_bytes_left, self._field_bytes_left = rules.file_bytes, FIELD_BYTES
        self._field, self._file_name = "", ""
        self._file: IO[bytes] | None = None
        self._header, self._value, self._disposition = bytearray(), bytearray(), b""
        self._ended = False
        self._parser = self._new_parser(boundary)
        stack.callback(self._close_file)

    def _new_parser(self, boundary: bytes) -> MultipartParser:
        try:
            return MultipartParser(
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
        except FormParserError as error:
            raise self._rules.refusal("The boundary of the form is too long.") from error

    def feed(self, block: bytes) -> None:
        """Reads the next bytes of the body; ignores what follows its last boundary."""
        if self._ended:
            return
        try:
            with raising_storage_full():
                self._parser.write(block)
        except FormParserError as error:
            raise self._rules.refusal("The multipart form is malformed.") from error

    def finish(self) -> None:
        """Raises BadRequest if the last boundary is missing."""
        if not self._ended:
            raise self._rules.refusal("The form ends before its last boundary.")

    def text_fields(self) -> dict[str, str]:
        """The fields as text; raises BadRequest."""
        try:
            return {name: value.decode() for name, value in self.fields.items()}
        except UnicodeDecodeError as error:
            raise self._rules.refusal("A field of the form is not UTF-8.") from error

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
            raise self._rules.refusal("A part of the form has a header that is too long.")

    def _on_header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        file_name = _file_name(options)
        if not self._field:
            raise self._rules.refusal("A part of the form has no name.")
        if self._rules.only not in (None, self._field) or (self._rules.only and file_name is None):
            detail = f"The form holds a field that is not a file named `{self._rules.only}`."
            raise self._rules.refusal(detail)
        if file_name is None:
            self._field_bytes_left -= len(self._field) + _FIELD_COST
            self._check_fields()
            self.fields[self._field] = bytearray()
            return
        if not self._rules.files:
            raise self._rules.refusal("The form holds a file.")
        if len(self.files) >= MOST_FILES:
            raise ScanTooLarge(
                f"The form holds more than {MOST_FILES:,} files.",
                expected=f"At most {MOST_FILES:,} files.",
                hint="Send them as one zip or tar, or in several uploads.",
            )
        self._file_name = base_name(file_name)
        self._file = self._path.open("wb")

    @property
    def _path(self) -> Path:
        return self._folder / str(len(self.files))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._field_bytes_left -= end - start
            self._check_fields()
            self.fields[self._field] += data[start:end]
            return
        self._file_bytes_left -= end - start
        if self._file_bytes_left < 0:
            raise ScanTooLarge(
                "The upload is too large.",
                expected=f"At most {self._rules.file_bytes:,} bytes.",
                hint="Crop or compress the scan, or let an administrator raise the limit "
                "(TESSERA_MAX_UPLOAD_BYTES).",
            )
        self._file.write(memoryview(data)[start:end])

    def _check_fields(self) -> None:
        if self._field_bytes_left < 0:
            raise self._rules.refusal("The fields of the form are too long.")

    def _close(self) -> None:
        if self._file is None:
            return
        size = self._file.tell()
        self._file.close()
        self._file = None
        self.files.append((self._field, ReceivedFile(self._path, self._file_name, size)))

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()

    def _end(self) -> None:
        self._ended = True


def base_name(path: str) -> str:
    """The last part of a client's path, printable characters only; may be empty."""
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = printable(last, _NAME_LETTERS)
    return "" if name in (".", "..") else name


def _file_name(options: dict[bytes, bytes]) -> str | None:
    extended = options.get(b"filename*")
    if extended is not None:  # RFC 5987: some clients send it for names outside ASCII
        return unquote(extended.decode("latin-1").rpartition("'")[2])
    plain = options.get(b"filename")
    return None if plain is None else plain.decode("utf-8", "replace")
