"""One log line and metrics for each request: the route's template, never request content."""

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.resources.metrics import Metrics

logger = logging.getLogger("tessera.access")

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class AccessLog:
    """ASGI: logs method, route template, status, milliseconds and the job's id, if there is one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status, started = 0, time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            _record(scope, status, time.perf_counter() - started)


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    method = scope["method"] if scope["method"] in METHODS else "other"
    job = scope.get("path_params", {}).get("job_id", "-") if status < 400 else "-"
    logger.info("%s %s %d %.0f ms job=%s", method, route, status, seconds * 1e3, job)
    metrics: Metrics | None = getattr(scope["app"].state, "metrics", None)
    if metrics is not None:
        metrics.answered(method, route, status, seconds)
