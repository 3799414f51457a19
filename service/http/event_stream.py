"""Streams of server-sent events, and their description."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from fastapi import Request, Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

from service.http.permissions import is_still_admitted

HEARTBEAT_S = 10
CHECK_S = 3.0
"""How often the permission of a stream's caller is checked again: a stream may last for days."""


def event_stream(request: Request, events: AsyncIterator[ServerSentEvent]) -> Response:
    """A response with these events, and a comment now and then that shows that it lives.

    It ends when the caller of the request loses the permission, such as by a revoked key.
    """
    return EventSourceResponse(
        _while_admitted(request, events),
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
    )


async def _while_admitted(
    request: Request, events: AsyncIterator[ServerSentEvent]
) -> AsyncIterator[ServerSentEvent]:
    checked_at = time.monotonic()
    following = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            await asyncio.wait([following], timeout=CHECK_S)
            if time.monotonic() - checked_at >= CHECK_S:
                if not await is_still_admitted(request):
                    return
                checked_at = time.monotonic()
            if following.done():
                if (event := following.result()) is None:
                    return
                yield event
                following = asyncio.ensure_future(anext(events, None))
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def events_of(name: str, schema: str, end: str) -> dict[str, Any]:
    """The description of a response with events `name`, whose data is JSON of this schema.

    `end`: when the stream ends; empty: it goes on. Events are in the form that OpenAPI 3.2 gives
    them as `itemSchema`, which 3.1 does not know.
    """
    event = {
        "type": "object",
        "required": ["event", "data", "id"],
        "properties": {
            "event": {"type": "string", "const": name},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": {"$ref": f"#/components/schemas/{schema}"},
            },
            "id": {
                "type": "string",
                "description": "To be sent as Last-Event-ID when the stream is opened again.",
            },
        },
    }
    example = f'event: {name}\ndata: {{"id": "...", "state": "running", ...}}\n\n'
    text = f"Events named `{name}`, each with a {schema} as data"
    return {
        "description": f"{text}, {end}." if end else f"{text}.",
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "string",
                    "contentMediaType": "text/event-stream",
                    "contentSchema": {"type": "array", "items": event},
                },
                "example": example,
            }
        },
    }
