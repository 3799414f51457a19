"""A multipart form, streamed: its files go to a folder as they come, its fields stay in memory."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import raising_storage_full

FIELD_BYTES = 1 << 20
"""Of all fields together."""
_FIELD_COST = 200
"""Bytes of memory that an empty field takes."""
MOST_FILES = 100_000
_HEADER_BYTES = 8192
_BLOCK_BYTES = 1 << 20
_NAME_LETTERS = 255


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole file that came, still in scratch."""

    path: Path
    name: str
    """What the sender calls it: a base name without control characters; never logged."""
    bytes: int


@dataclass(frozen=True, slots=True)
class Rules:
    """What a form may hold, and how its sender is told."""

    file_bytes: int
    """Of all files together."""
    expected: str
    hint: str
    only: str | None = None
    """The one field that may come, and must be a file; None: any fields and files."""

    def refusal(self, detail: str) -> BadRequest:
        """What is said of a form that cannot be taken."""
        return BadRequest(detail, expected=self.expected, hint=self.hint)


def boundary_of(request: Request) -> bytes:
    """That of a multipart form; empty for any other body."""
    kind, options = parse_options_header(request.headers.get("content-type"))
    return options.get(b"boundary", b"") if kind == b"multipart/form-data" else b""


async def stream(request: Request, folder: Path, rules: Rules) -> "Reader":
    """Reads the request's form to its end.

    Raises BadRequest, ScanTooLarge, StorageFull and starlette's ClientDisconnect.
    """
    with ExitStack() as stack:
        reader, block, first = Reader(boundary_of(request), folder, rules, stack), bytearray(), True
        async for chunk in request.stream():
            block += chunk
            if first or len(block) >= _BLOCK_BYTES:
                await anyio.to_thread.run_sync(reader.feed, bytes(block))
                block.clear()
                first = False
        await anyio.to_thread.run_sync(reader.feed, bytes(block))
        reader.finish()
        return reader


class Reader:
    """Takes a multipart body apart (RFC 7578)."""

    def __init__(self, boundary: bytes, folder: Path, rules: Rules, stack: ExitStack) -> None:
        if not boundary:
            raise rules.refusal("The body is no multipart form.")
        self.fields: dict[str, bytearray] = {}
        self.files: list[tuple[str, Upload]] = []
        """Each with the field that it came in."""
        self._rules, self._folder, self._stack = rules, folder, stack
        self._file_bytes_left, self._field_bytes_left = rules.file_bytes, FIELD_BYTES
        self._name, self._called = "", ""
        self._file: IO[bytes] | None = None
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
            with raising_storage_full():
                self._parser.write(block)
        except FormParserError as error:
            raise self._rules.refusal("The multipart form is malformed.") from error

    def finish(self) -> None:
        """Raises BadRequest where its end did not come."""
        if not self._ended:
            raise self._rules.refusal("The form ends before its last boundary.")

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
            raise self._rules.refusal("A part of the form has a header that is far too long.")

    def _on_header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _open(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        called = _file_name(options)
        if not self._name:
            raise self._rules.refusal("A part of the form has no name.")
        if self._rules.only not in (None, self._name) or (self._rules.only and called is None):
            detail = f"The form holds a field that is not a file named `{self._rules.only}`."
            raise self._rules.refusal(detail)
        if called is None:
            self._field_bytes_left -= len(self._name) + _FIELD_COST
            self._check_fields()
            self.fields[self._name] = bytearray()
            return
        if len(self.files) >= MOST_FILES:
            raise self._rules.refusal(f"The form holds more than {MOST_FILES:,} files.")
        self._called = base_name(called)
        self._file = self._stack.enter_context(self._path.open("wb"))

    @property
    def _path(self) -> Path:
        return self._folder / str(len(self.files))

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is None:
            self._field_bytes_left -= end - start
            self._check_fields()
            self.fields[self._name] += data[start:end]
            return
        self._file_bytes_left -= end - start
        if self._file_bytes_left < 0:
            raise ScanTooLarge(
                "What was sent is larger than is taken here.",
                expected=f"At most {self._rules.file_bytes:,} bytes.",
                hint="Cut or compress the scan, or have the limit (TESSERA_UPLOAD_BYTES) raised.",
            )
        self._file.write(memoryview(data)[start:end])

    def _check_fields(self) -> None:
        if self._field_bytes_left < 0:
            raise self._rules.refusal("The fields of the form are far too long.")

    def _close(self) -> None:
        if self._file is None:
            return
        size = self._file.tell()
        self._file.close()
        self._file = None
        self.files.append((self._name, Upload(self._path, self._called, size)))

    def _end(self) -> None:
        self._ended = True


def base_name(given: str) -> str:
    """The last part of a path, printable: clients send their own full paths. May be empty."""
    last = given.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = "".join(c for c in last if c.isprintable()).strip()[:_NAME_LETTERS]
    return "" if name in (".", "..") else name


def _file_name(options: dict[bytes, bytes]) -> str | None:
    extended = options.get(b"filename*")
    if extended is not None:  # RFC 5987, as some clients send what is not ASCII
        return unquote(extended.decode("latin-1").rpartition("'")[2])
    plain = options.get(b"filename")
    return None if plain is None else plain.decode("utf-8", "replace")
