"""Who may call, and how much may come: checked before anything else sees the request.

Loopback is no protection by itself. A page of any site can make the browser post to it (Origin
tells), and a site can point its own name at 127.0.0.1 (DNS rebinding: Host tells).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.settings import Settings
from service.http.errors import BodyTooLarge, ForeignHost, ForeignOrigin, answer

JSON_BYTES = 16 << 20
"""A batch of 10,000 jobs takes about a tenth of this."""
FORM_BYTES = 1 << 25
"""What a multipart form may weigh beside its file."""
LINGER_S = 2.0
LINGER_BYTES = 16 << 20
API_POLICY = "default-src 'none'; frame-ancestors 'none'"
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": API_POLICY,
    "Cache-Control": "no-store",
}


class Doorkeeper:
    """ASGI: answers only requests for our own hosts, from our own or allowed origins."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope))
        app = answer(refusal) if refusal else self.app
        await app(scope, receive, send)

    def _refusal(self, headers: Headers) -> ForeignHost | ForeignOrigin | None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _without_port(hosts[0].lower()) not in self.hosts:
            return ForeignHost(
                "The Host header names a host that is not served here.",
                expected="One of the names in TESSERA_ALLOWED_HOSTS.",
                hint="Use the service's own address, or have this name added to that setting.",
            )
        if all(
            self._ours(origin.lower(), hosts[0].lower()) for origin in headers.getlist("origin")
        ):
            return None
        return ForeignOrigin(
            "The request comes from a page of another site.",
            expected="The service's own page, or an origin in TESSERA_ALLOWED_ORIGINS.",
            hint="Open the service's own address, or have that site added to the setting.",
        )

    def _ours(self, origin: str, host: str) -> bool:
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        # A proxy may have taken TLS off, so the schemes may differ; the authority may not.
        return parts.scheme in ("http", "https") and _bare(parts.netloc) == _bare(host)


class BodyLimit:
    """ASGI: stops a request whose body is too large before the whole of it was read.

    A client that still sends when the answer is ready is heard out for LINGER_S or LINGER_BYTES
    more, since closing on it at once may take the answer from it as well.
    """

    def __init__(
        self, app: ASGIApp, settings: Settings, uploads: tuple[str, ...] = ("/v1/scans",)
    ) -> None:
        """Files may come at the addresses `uploads` and beneath them."""
        self.app = app
        self.uploads = uploads
        self.upload_bytes = settings.upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        upload = f"{scope['path']}/".startswith(tuple(f"{path}/" for path in self.uploads))
        limit = self.upload_bytes + FORM_BYTES if upload else JSON_BYTES
        body = _Body(receive, send, limit, self.upload_bytes if upload else JSON_BYTES, headers)
        declared = headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await answer(body.too_large())(scope, body.receive, body.send)
        else:
            await self.app(scope, body.receive, body.send)


class _Body:
    """One request's body: what came of it, and whether more is to come."""

    def __init__(
        self, receive: Receive, send: Send, limit: int, told: int, headers: Headers
    ) -> None:
        self._receive, self._send = receive, send
        self._left, self._told = limit, told
        self._more = "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
        self._waits = "expect" in headers

    def too_large(self) -> BodyTooLarge:
        return BodyTooLarge(
            "The request is larger than is taken here.",
            expected=f"At most {self._told:,} bytes.",
            hint="Send less at once, or have the limit raised (TESSERA_UPLOAD_BYTES for scans).",
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
        if message["type"] == "http.response.start" and self._more:
            # Else the server would go on reading what nobody wants, for as long as it comes.
            MutableHeaders(scope=message)["Connection"] = "close"
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or not self._more or self._waits:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._hear_out()
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hear_out(self) -> None:
        heard = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while self._more and heard < LINGER_BYTES:
                    message = await self._receive()
                    self._more = message.get("more_body", False)
                    heard += len(message.get("body", b""))


class SafeHeaders:
    """ASGI: no sniffing, no framing, no other sites; nothing is kept unless a route says so."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, add)


def _without_port(host: str) -> str:
    """`[::1]` of `[::1]:8000`, `localhost` of `localhost:8000`."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _bare(authority: str) -> str:
    """Without the port that its scheme has anyway, which browsers leave out."""
    for port in (":80", ":443"):
        if authority.endswith(port):
            return authority.removesuffix(port)
    return authority
