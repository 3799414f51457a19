"""Streams of server-sent events, and their description."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Response
from sse_starlette.event import ServerSentEvent
from sse_starlette.sse import EventSourceResponse

HEARTBEAT_S = 10


def event_stream(events: AsyncIterator[ServerSentEvent]) -> Response:
    """A response with these events, and a comment now and then that shows that it lives."""
    return EventSourceResponse(
        events,
        ping=HEARTBEAT_S,
        ping_message_factory=lambda: ServerSentEvent(comment="heartbeat"),
    )


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
