"""`Router`: routes that know their caller before they read a request's body.

FastAPI reads and parses the body before it asks any dependency, also the one of `Allowed`. Parsing
JSON holds up all other requests, so that it is done for known callers only, and bounded. A public
route reads only a short body.
"""

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from service.auth import Permission
from service.http.errors import BodyTooLarge
from service.http.permissions import required_permissions

PUBLIC_BYTES = 1 << 16
"""Largest body of a public route: two long passwords."""
MOST_VALUES = 500_000
"""Values in a JSON body; each of a batch of 10,000 jobs may have 50."""


class CallerFirstRoute(APIRoute):
    """A route whose caller is checked before the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's; the result of the check is kept for the dependency."""
        answer = super().get_route_handler()
        # A router's own dependencies are no route's: only routers of public routes have them.
        required = next(required_permissions(self.dependant), None)

        async def checked(request: Request) -> Response:
            receive = request.receive
            if required is None or required.permission is Permission.PUBLIC:
                receive = _short(receive)
            else:
                await required(request)
            return await answer(_JsonRequest(request.scope, receive))

        return checked


Router = partial(APIRouter, route_class=CallerFirstRoute)
"""As APIRouter."""


class _JsonRequest(Request):
    """A request whose JSON has a limited number of values."""

    async def json(self) -> Any:
        """Raises BodyTooLarge."""
        body = await self.body()
        if sum(map(body.count, (b"[", b"{", b","))) > MOST_VALUES:
            raise BodyTooLarge(
                "The request has too many values.",
                expected=f"JSON with at most {MOST_VALUES:,} brackets and commas.",
                hint="Send it in several requests.",
            )
        return await super().json()


def _short(receive: Receive) -> Receive:
    """Raises BodyTooLarge beyond PUBLIC_BYTES."""
    left = PUBLIC_BYTES

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise BodyTooLarge(
                "The request is too large.",
                expected=f"At most {PUBLIC_BYTES:,} bytes.",
                hint="Send only what /docs lists for this address.",
            )
        return message

    return counted
