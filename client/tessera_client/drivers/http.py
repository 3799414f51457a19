"""What both drivers share: the address, requests for httpx, responses and errors of httpx."""

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tessera_client.errors import InvalidAddress, Unavailable
from tessera_client.steps import FileForm, FileRest, Reply, Request

_LAST_PORT = 65535
_BLOCK_BYTES = 1 << 18


class Endpoint:
    """A server's address, and how requests to it are made."""

    def __init__(self, url: str, token: str | None, timeout_s: float) -> None:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise InvalidAddress from error
        is_url = parsed.scheme in ("http", "https") and parsed.host and not parsed.userinfo
        if not is_url or (parsed.port or 0) > _LAST_PORT:
            raise InvalidAddress
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self.reached = False
        """Whether the server has responded to this client."""
        # Proxies in the environment are not meant for this machine.
        is_remote = parsed.host not in ("localhost", "127.0.0.1", "::1")
        headers = {"Accept-Encoding": "identity"}  # so that Content-Length is the file's length
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self.settings: dict[str, Any] = {
            "base_url": url,
            "headers": headers,
            "timeout": timeout_s,
            "trust_env": is_remote,
        }

    def arguments(self, request: Request) -> dict[str, Any]:
        """The arguments of `httpx.Client.request` and the others, without the body."""
        patience_s = request.patience_s or self.timeout_s
        return {
            "method": request.method,
            "url": request.path,
            "params": dict(request.query),
            "headers": {**request.headers, **_length(request)},
            "timeout": httpx.Timeout(self.timeout_s, read=patience_s),
            **({"json": request.json} if request.json is not None else {}),
        }

    def reply(self, response: httpx.Response, content: bytes = b"") -> Reply:
        """A response of httpx as a Reply."""
        self.reached = True
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, content)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Raises Unavailable where httpx reports that the connection failed."""
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> Unavailable:
        failure = Unavailable(
            f"The server at {self.url} does not answer.",
            expected="A running server.",
            hint="Check the address, and that `tessera up` or a gateway runs there.",
        )
        failure.sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        failure.first_contact = isinstance(error, httpx.ConnectError) and not self.reached
        return failure


def _length(request: Request) -> dict[str, str]:
    if not isinstance(request.body, FileRest):
        return {}
    return {"Content-Length": str(request.body.length - request.body.offset)}


class CountedFile(io.FileIO):
    """A file that reports how much of it was read."""

    def __init__(self, body: FileForm) -> None:
        super().__init__(body.path)
        self._length, self._on_sent = body.path.stat().st_size, body.on_sent

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes."""
        block = super().read(size) or b""
        self._on_sent(self.tell(), self._length)
        return block


def blocks(body: FileRest) -> Iterator[bytes]:
    """The rest of a file in blocks."""
    with body.path.open("rb") as file:
        file.seek(body.offset)
        while block := file.read(_BLOCK_BYTES):
            yield block
            body.on_sent(file.tell(), body.length)


async def async_blocks(body: FileRest) -> AsyncIterator[bytes]:
    """As `blocks`, for an asynchronous client."""
    for block in blocks(body):
        yield block
