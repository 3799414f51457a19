"""Whether the gateway lives, whether it can serve, and its counters."""

import shutil
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from imaging.errors import StorageFull, Unavailable
from service.parts import Parts, PartsDep
from service.schemas import Health

router = APIRouter(tags=["health"])

ROOM_BYTES = 256 << 20
"""Less free room than this and the gateway calls itself unready, before uploads begin to fail."""
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/healthz")
def live() -> Health:
    """The process lives."""
    return Health(status="ok")


@router.get("/readyz", responses={503: {"model": Health, "description": "A part is away."}})
def ready(parts: PartsDep, response: Response) -> Health:
    """Database, broker, blobs and disk can serve; 503 with what is wrong where they cannot."""
    checks: Mapping[str, Callable[[], None]] = {
        "database": parts.repository.ping,
        "broker": parts.queue.ping,
        "blobs": parts.blobs.ping,
        "disk": lambda: _check_room(parts),
    }
    found = {name: _state(check) for name, check in checks.items()}
    if all(state == "ok" for state in found.values()):
        return Health(status="ok", parts=found)
    response.status_code = 503
    return Health(status="unavailable", parts=found)


@router.get("/metrics", response_class=Response, responses=_METRICS)
def metrics(parts: PartsDep) -> Response:
    """Jobs by state, requests by route and status, bytes taken in."""
    return Response(parts.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except Unavailable as error:
        return error.detail
    return "ok"


def _check_room(parts: Parts) -> None:
    free = shutil.disk_usage(parts.scratch.folder).free
    if free < ROOM_BYTES:
        raise StorageFull(f"Only {free:,} bytes are free.")
