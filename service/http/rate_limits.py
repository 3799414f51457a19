"""Rate limits of HTTP requests, and the headers that tell callers what is left to them.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10, sections 3 and 4:

    RateLimit-Policy: "caller";q=600;w=60, "project";q=6000;w=60
    RateLimit: "caller";r=598;t=1, "project";r=5120;t=9

`q`: requests in `w` seconds; `r`: requests that may be sent at once; `t`: seconds until all `q`
may.
"""

from collections.abc import Sequence

from anyio.to_thread import run_sync
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imaging.errors import TooManyRequests
from service.auth import Principal
from service.resources.rate_limits import WINDOW_S, Grant, RateLimits

RATE_LIMIT_HEADERS = ("RateLimit-Policy", "RateLimit", "Retry-After")
_GRANTS = "tessera.grants"


async def admit(request: Request, principal: Principal) -> None:
    """Counts a request of a caller; raises TooManyRequests (429)."""
    limits: RateLimits = request.app.state.services[RateLimits]
    if limits.is_stale():
        await run_sync(limits.refresh)
    grants = limits.take(principal.name, principal.project)
    request.scope[_GRANTS].extend(grants)
    waiting = max(grants, key=lambda one: one.wait_s, default=None)
    if waiting is not None and waiting.wait_s:
        raise _too_many(waiting)


class RateLimitHeaders:
    """ASGI: adds the headers to responses to requests that were counted."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        grants: list[Grant] = []
        scope[_GRANTS] = grants

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start" and grants:
                headers = MutableHeaders(scope=message)
                headers["RateLimit-Policy"] = _policies(grants)
                headers["RateLimit"] = _left(grants)
            await send(message)

        await self.app(scope, receive, add)


def _too_many(grant: Grant) -> TooManyRequests:
    whose = "The project" if grant.policy == "project" else "This caller"
    return TooManyRequests(
        f"{whose} sends too many requests.",
        expected=f"At most {grant.per_minute:,} requests in a minute.",
        hint="Wait as many seconds as the header Retry-After says. Follow jobs by their events, "
        "which are not counted.",
        retry_after_s=grant.wait_s,
    )


def _policies(grants: Sequence[Grant]) -> str:
    return ", ".join(f'"{one.policy}";q={one.per_minute};w={WINDOW_S}' for one in grants)


def _left(grants: Sequence[Grant]) -> str:
    return ", ".join(f'"{one.policy}";r={one.left};t={one.full_s}' for one in grants)
