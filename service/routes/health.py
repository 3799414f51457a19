"""Whether the gateway runs, whether it can serve, and its metrics."""

from importlib.metadata import version
from typing import Any

from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.auth import Permission
from service.http.dependencies import MetricsDep, ReadinessDep
from service.http.permissions import Allowed, may
from service.http.router import Router
from service.schemas import Health, Ready

router = Router(tags=["health"])

_UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"model": Ready, "description": "A part is unavailable."}
}
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/healthz", dependencies=[Allowed(Permission.PUBLIC)])
async def live() -> Health:  # async: it waits for no thread
    """The gateway runs."""
    return Health(status="ok")


@router.get("/readyz", responses=_UNAVAILABLE, dependencies=[Allowed(Permission.PUBLIC)])
def ready(request: Request, readiness: ReadinessDep, response: Response) -> Ready:
    """Whether database, broker, blob store and disk can serve; a 503 says what is wrong.

    Callers who may read jobs learn the version and the workers, too.
    """
    parts = readiness.check()
    reads = parts["database"] == "ok" and may(request, Permission.JOBS_READ)
    serves = all(outcome == "ok" for outcome in parts.values())
    response.status_code = 200 if serves else 503
    return Ready(
        status="ok" if serves else "unavailable",
        parts=parts,
        version=version("tessera-seg") if reads else "",
        workers=readiness.workers if reads else {},
    )


@router.get(
    "/metrics",
    response_class=Response,
    responses=_METRICS,
    dependencies=[Allowed(Permission.SERVICE_METRICS)],
)
def read_metrics(metrics: MetricsDep) -> Response:
    """Queues, jobs, workers, deliveries, parts and requests, as counters and gauges."""
    return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
