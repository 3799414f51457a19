"""The files of a multipart request, streamed to disk as they come."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import anyio.to_thread
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats.atomic import full_disk_told
from service.scratch import Scratch

FIELD = b"files"
EXPECTED = "A multipart/form-data body whose fields `files` hold a file each."
MOST_FILES = 100_000
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
async def uploaded(request: Request, scratch: Scratch, limit: int) -> AsyncIterator[list[Upload]]:
    """The files of a multipart request, gone again at the end of the block unless moved.

    Raises BadRequest where the form holds anything but files, ScanTooLarge above `limit` bytes in
    all, StorageFull, and starlette's ClientDisconnect where the sender went away.
    """
    with scratch.subfolder() as folder:
        form = _Form(request.headers.get("content-type"), limit, folder)
        with full_disk_told():
            async for chunk in request.stream():
                form.feed(chunk)
                if form.pending_bytes >= _BLOCK_BYTES:
                    await _flush(form)
            await _flush(form)
            form.finish()
        yield form.uploads


async def _flush(form: "_Form") -> None:
    blocks, form.pending, form.pending_bytes = form.pending, [], 0
    write: Callable[[list[tuple[Path, bytearray]]], None] = _append
    written: Awaitable[None] = anyio.to_thread.run_sync(write, blocks)
    await written


def _append(blocks: list[tuple[Path, bytearray]]) -> None:
    for path, block in blocks:
        with path.open("ab") as file:
            file.write(block)


class _Form:
    """Takes a multipart body apart; what belongs to its files collects in `pending`."""

    def __init__(self, content_type: str | None, limit: int, folder: Path) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise _refusal("The body is no multipart form.")
        self.pending: list[tuple[Path, bytearray]] = []
        self.pending_bytes = 0
        self.uploads: list[Upload] = []
        self._bytes = 0
        self._limit = limit
        self._folder = folder
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
        if not self.uploads:
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
        if len(self.uploads) == MOST_FILES:
            raise ScanTooLarge(
                "The form holds too many files.",
                expected=f"At most {MOST_FILES:,}.",
                todo="Send them as a zip.",
            )
        path = self._folder / str(len(self.uploads))
        self.uploads.append(Upload(path, _clean(options[b"filename"]), 0))
        path.touch()

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        self._bytes += end - start
        if self._bytes > self._limit:
            raise ScanTooLarge(
                "What was sent is larger than is taken here.",
                expected=f"At most {self._limit:,} bytes.",
                todo="Cut or compress the scan, or have the limit (TESSERA_UPLOAD_BYTES) raised.",
            )
        upload = self.uploads[-1]
        self.uploads[-1] = replace(upload, bytes=upload.bytes + end - start)
        if not self.pending or self.pending[-1][0] != upload.path:
            self.pending.append((upload.path, bytearray()))
        self.pending[-1][1].extend(memoryview(data)[start:end])
        self.pending_bytes += end - start

    def _end(self) -> None:
        self._ended = True


def _refusal(came: str) -> BadRequest:
    return BadRequest(
        came, expected=EXPECTED, todo="Send it as `curl -F files=@scan.nii.gz .../v1/scans` does."
    )


def _clean(raw: bytes) -> str:
    name = raw.decode("utf-8", "replace").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable()).strip()[:255] or "scan"
