"""One file out of a multipart request, streamed to disk as it comes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import full_disk_told
from service.scratch import Scratch

FIELD = b"files"
EXPECTED = "A multipart/form-data body whose field `files` holds one file."
_HEADER_BYTES = 8192
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A whole file that came, still in scratch."""

    path: Path
    name: str
    """What the sender calls it: a base name without control characters; never logged."""
    bytes: int


@asynccontextmanager
async def received(request: Request, scratch: Scratch, limit: int) -> AsyncIterator[Upload]:
    """The one file of a multipart request, gone again at the end of the block unless moved.

    Raises BadRequest where the form holds anything but one file, ScanTooLarge above `limit` bytes,
    StorageFull, and starlette's ClientDisconnect where the sender went away.
    """
    form = _Form(request.headers.get("content-type"), limit)
    with scratch.file() as path:
        with full_disk_told(), path.open("wb") as file:
            async for chunk in request.stream():
                form.feed(chunk)
                if len(form.pending) >= _BLOCK_BYTES:
                    await _flush(form, file)
            await _flush(form, file)
            form.finish()
        yield Upload(path, form.file_name, form.bytes)


async def _flush(form: "_Form", file: IO[bytes]) -> None:
    block, form.pending = form.pending, bytearray()
    write: Callable[[bytearray], int] = file.write
    written: Awaitable[int] = anyio.to_thread.run_sync(write, block)
    await written


class _Form:
    """Takes a multipart body apart; what belongs to the file collects in `pending`."""

    def __init__(self, content_type: str | None, limit: int) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise _refusal("The body is no multipart form.")
        self.pending = bytearray()
        self.bytes = 0
        self.file_name = ""
        self._limit = limit
        self._files = 0
        self._ended = False
        self._field = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._begin,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_end": self._end,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the body."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _refusal("The multipart form is malformed.") from error

    def finish(self) -> None:
        """Raises BadRequest unless the form was whole and held a file."""
        if not self._ended:
            raise _refusal("The form ends before its last boundary.")
        if not self._files:
            raise _refusal("The form holds no file.")

    def _begin(self) -> None:
        self._disposition = b""
        self._field, self._value = bytearray(), bytearray()

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._check_header()

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._field) + len(self._value) > _HEADER_BYTES:
            raise _refusal("A part of the form has a header that is far too long.")

    def _on_header(self) -> None:
        if bytes(self._field).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._field, self._value = bytearray(), bytearray()

    def _on_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD or b"filename" not in options:
            raise _refusal("The form holds a field that is not a file named `files`.")
        self._files += 1
        if self._files > 1:
            raise BadRequest(
                "The form holds several files.",
                expected="One file: series of several files are not served yet.",
                todo="Send each volume or picture in an upload of its own; turn a DICOM series "
                "into one .nii.gz first, for example with dcm2niix.",
            )
        self.file_name = _clean(options[b"filename"])

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self.bytes += end - start
        if self.bytes > self._limit:
            raise ScanTooLarge(
                "The file is larger than is taken here.",
                expected=f"At most {self._limit:,} bytes.",
                todo="Cut or compress the scan, or have the limit (TESSERA_UPLOAD_BYTES) raised.",
            )
        self.pending += data[start:end]

    def _end(self) -> None:
        self._ended = True


def _refusal(came: str) -> BadRequest:
    return BadRequest(
        came, expected=EXPECTED, todo="Send it as `curl -F files=@scan.nii.gz .../v1/scans` does."
    )


def _clean(raw: bytes) -> str:
    name = raw.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable()).strip()[:255] or "scan"
