"""Refuses requests of which a proxy and this server may see different ends."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.http.errors import AmbiguousFraming, response_to


class UnambiguousFraming:
    """ASGI: refuses a Transfer-Encoding beside a Content-Length or in HTTP/1.0, and closes.

    RFC 9112, 6.1 and 6.3: what one of them calls the body is a second request for the other
    (request smuggling). Other faults of this kind never get this far: h11 refuses them.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        names = {name for name, _ in scope.get("headers", ())}
        if b"transfer-encoding" not in names or (
            b"content-length" not in names and scope["http_version"] != "1.0"
        ):
            await self.app(scope, receive, send)
            return
        refusal = AmbiguousFraming(
            "The request states the length of its body in two ways.",
            expected="Content-Length, or in HTTP/1.1 Transfer-Encoding: chunked.",
            hint="Send one of the two headers. If a proxy added the other one, correct the proxy.",
        )
        response = response_to(refusal)
        response.headers["Connection"] = "close"
        await response(scope, receive, send)
