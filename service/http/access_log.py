"""One log line, metrics and perhaps a span for each request: its route, never its content."""

import logging
import time
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.log_format import log_fields
from service.http.answer import Answer
from service.http.request_span import note_answer, request_span
from service.resources.metrics import Metrics

logger = logging.getLogger("tessera.access")


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

        with log_fields(request=uuid4().hex), request_span(scope):
            try:
                await self.app(scope, receive, watch)
            finally:
                answer = Answer.of(scope, status, time.perf_counter() - started)
                note_answer(answer)
                _log(answer)
                _count(scope, answer)


def _log(answer: Answer) -> None:
    method, route, status, job = answer.method, answer.route, answer.status, answer.job
    fields: dict[str, str | int] = {
        "method": method,
        "route": route,
        "status": status,
        "ms": round(answer.seconds * 1e3),
    }
    fields |= {"job": job} if job else {}
    text, ms = "%s %s %d %.0f ms job=%s", answer.seconds * 1e3
    logger.info(text, method, route, status, ms, job or "-", extra={"fields": fields})


def _count(scope: Scope, answer: Answer) -> None:
    metrics: Metrics | None = getattr(scope["app"].state, "metrics", None)
    if metrics is not None:
        metrics.answered(answer.method, answer.route, answer.status, answer.seconds)
