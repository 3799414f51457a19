"""The Host and Origin of requests, checked before anything else sees them.

Listening on loopback is not enough. A page of any site can make the browser post to it, which the
Origin header shows, and a site can point its own name at 127.0.0.1 (DNS rebinding), which the Host
header shows. What its page embeds, such as an image, has no Origin; Sec-Fetch-Site shows it.
"""

import re
from collections.abc import Sequence
from urllib.parse import unquote, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.errors import ForeignHost, ForeignOrigin, response_to
from service.http.fetch_site import foreign_origin, is_embedded_elsewhere

_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{0,5}))?")
"""A host and a port (RFC 3986, 3.2.2 and 3.2.3) in small letters; RFC 9110 allows no userinfo."""
_MAX_PORT = 65535


class OriginGuard:
    """ASGI: refuses requests for other hosts, and from pages of other sites."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(Headers(scope=scope), _absolute_target(scope))
        app = response_to(refusal) if refusal else self.app
        await app(scope, receive, send)

    def _refusal(self, headers: Headers, target_host: str) -> ForeignHost | ForeignOrigin | None:
        hosts = [*headers.getlist("host"), *([target_host] if target_host else [])]
        if len(headers.getlist("host")) != 1 or not all(map(self._is_own, hosts)):
            return ForeignHost(
                "The Host header is not a name of this service.",
                expected="A name in TESSERA_ALLOWED_HOSTS.",
                hint="Use the service's own address, or let an administrator add this name to the "
                "setting.",
            )
        origins = headers.getlist("origin")
        if not origins:
            return foreign_origin() if is_embedded_elsewhere(headers) else None
        if all(self._is_allowed(origin.lower(), hosts[0].lower()) for origin in origins):
            return None
        return foreign_origin()

    def _is_own(self, authority: str) -> bool:
        parts = _AUTHORITY.fullmatch(authority.lower())
        return (
            parts is not None
            and parts["host"] in self.hosts
            and int(parts["port"] or 0) <= _MAX_PORT
        )

    def _is_allowed(self, origin: str, host: str) -> bool:
        if origin in self.origins:
            return True
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        # A proxy may terminate TLS, so the schemes may differ; the authority may not.
        return parts.scheme in ("http", "https") and _without_default_port(
            parts.netloc
        ) == _without_default_port(host)


def _absolute_target(scope: Scope) -> str:
    """The authority of a request target in absolute form; empty for a path.

    It counts instead of the Host header (RFC 9112, 3.2.2). The scope gets the path alone.
    """
    target: bytes = scope["raw_path"]
    scheme, separator, rest = target.partition(b"://")
    if target.startswith(b"/") or not separator or scheme.lower() not in (b"http", b"https"):
        return ""
    authority, _, path = rest.partition(b"/")
    scope["raw_path"] = b"/" + path
    scope["path"] = unquote(scope["raw_path"].decode("ascii"))
    return authority.decode("ascii") or "-"


def _without_default_port(authority: str) -> str:
    """Without :80 and :443, which browsers omit."""
    for port in (":80", ":443"):
        if authority.endswith(port):
            return authority.removesuffix(port)
    return authority
