"""Whether the gateway runs, whether it can serve, and its metrics."""

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.auth import Permission
from service.http.dependencies import MetricsDep, ReadinessDep
from service.http.permissions import Allowed
from service.schemas import Health

router = APIRouter(tags=["health"])

_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Health, "description": "A part is unavailable."}
}
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/healthz", dependencies=[Allowed(Permission.PUBLIC)])
def live() -> Health:
    """The gateway runs."""
    return Health(status="ok")


@router.get("/readyz", responses=_UNAVAILABLE, dependencies=[Allowed(Permission.PUBLIC)])
def ready(readiness: ReadinessDep, response: Response) -> Health:
    """Whether database, broker, blob store and disk can serve; a 503 says what is wrong."""
    parts = readiness.check()
    if all(outcome == "ok" for outcome in parts.values()):
        return Health(status="ok", parts=parts)
    response.status_code = 503
    return Health(status="unavailable", parts=parts)


@router.get(
    "/metrics",
    response_class=Response,
    responses=_METRICS,
    dependencies=[Allowed(Permission.SERVICE_METRICS)],
)
def read_metrics(metrics: MetricsDep) -> Response:
    """Jobs by state, requests by route and status, bytes of uploads."""
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
