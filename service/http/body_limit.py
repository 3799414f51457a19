"""The size of requests, limited while they are received."""

import asyncio
import re
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.settings import Settings
from service.http.errors import BodyTooLarge, response_to
from service.http.project_path import path_in_project

SHORT_BYTES = 512 << 10
"""Largest body at most addresses: a review with many measurements has about a fifth of this."""
LONG_BYTES = 16 << 20
"""Largest body where lists or changed voxels are sent: a batch of 10,000 jobs has about a tenth."""
_LONG = re.compile(
    "/v1/(batches|batch-reviews|assignments|second-readings|scans/uploaded"
    "|jobs/[^/]+/(assistance|draft/changes/[^/]+))"
)
FORM_BYTES = 1 << 25
"""Largest size of a multipart form beside its files."""
LINGER_S = 2.0
LINGER_BYTES = 16 << 20


class BodyLimit:
    """ASGI: refuses a request body above its limit: SHORT_BYTES, LONG_BYTES where long lists are
    sent, or more where files are uploaded.

    If a client still sends when the response is ready, up to LINGER_BYTES more are read for up to
    LINGER_S: closing the connection at once may keep the response from reaching it.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        uploads: tuple[str, ...] = ("/v1/scans",),
        upload_trees: tuple[str, ...] = (),
    ) -> None:
        """Files may be uploaded to the addresses `uploads`, and at and below `upload_trees`."""
        self.app = app
        self.uploads = uploads
        self.upload_trees = tuple(f"{path}/" for path in upload_trees)
        self.max_upload_bytes = settings.max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        path = path_in_project(scope).rstrip("/")
        upload = path in self.uploads or f"{path}/".startswith(self.upload_trees)
        stated = self.max_upload_bytes if upload else _limit_of(path)
        limit = stated + FORM_BYTES if upload else stated
        body = _Body(receive, send, limit, stated, headers)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await response_to(body.too_large())(scope, body.receive, body.send)
        else:
            await self.app(scope, body.receive, body.send)


def _limit_of(path: str) -> int:
    return LONG_BYTES if _LONG.fullmatch(path) else SHORT_BYTES


class _Body:
    """One request's body: counts its bytes and knows whether more will follow."""

    def __init__(
        self, receive: Receive, send: Send, limit: int, stated_limit: int, headers: Headers
    ) -> None:
        self._receive, self._send = receive, send
        self._left, self._stated_limit = limit, stated_limit
        self._more = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self._waits = "expect" in headers

    def too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            "The request is too large.",
            expected=f"At most {self._stated_limit:,} bytes.",
            hint="Send less at once, or let an administrator raise the limit (for scans, "
            "TESSERA_MAX_UPLOAD_BYTES).",
        )

    async def receive(self) -> Message:
        message = await self._receive()
        self._waits = False
        self._more = message["type"] == "http.request" and message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise self.too_large()
        return message

    async def send(self, message: Message) -> None:
        """Sends a message of the response; its last one after the rest of the body was read."""
        if message["type"] == "http.response.start" and self._more:
            # Otherwise the server would go on reading the unwanted body to its end.
            MutableHeaders(scope=message)["Connection"] = "close"
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or not self._more or self._waits:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._read_rest()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _read_rest(self) -> None:
        received = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self._more and received < LINGER_BYTES:
                    message = await self._receive()
                    self._more = message.get("more_body", False)
                    received += len(message.get("body", b""))
