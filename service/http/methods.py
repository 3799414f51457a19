"""The methods of an address: HEAD wherever there is GET, OPTIONS everywhere."""

from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHOD_NOT_ALLOWED = 405
_OF_ROUTES = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def methods_of(request: Request) -> list[str]:
    """All methods that the routes of the request's address support."""
    supported = {method for method in _OF_ROUTES if _is_routed(request.scope, method)}
    head = {"HEAD"} if "GET" in supported else set()
    return sorted(supported | head | {"OPTIONS"})


def _is_routed(scope: Scope, method: str) -> bool:
    tried = {**scope, "method": method}
    return any(route.matches(tried)[0] is Match.FULL for route in scope["app"].routes)


class HeadRequests:
    """ASGI: answers HEAD with the headers of the response to GET (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["method"] != "HEAD"
            or _is_routed(scope, "HEAD")
            or not _is_routed(scope, "GET")
        ):
            await self.app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            # The body is complete at once, which tells an endless response that nobody listens.
            if message["type"] == "http.response.start":
                scope["method"] = "HEAD"
                await send(message)
                await send({"type": "http.response.body", "body": b""})

        scope["method"] = "GET"
        try:
            await self.app(scope, receive, send_head)
        finally:
            scope["method"] = "HEAD"
