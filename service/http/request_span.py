"""The span of a request. It says the route's template, never the address or the query.

FastAPI, Starlette and the packages that instrument them record both, and a query may name a
patient. So FastAPI's own telemetry is turned off.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

from jobs import tracing
from service.http.answer import Answer

NO_TELEMETRY: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""For `FastAPI(telemetry=...)`, which the environment can turn on otherwise."""
_ONLY_READ = ("GET", "HEAD", "OPTIONS")


def request_span(scope: Scope) -> AbstractContextManager[None]:
    """Surrounds a request that changes something, or whose caller traces it (`traceparent`).

    Requests that ask again and again how a job is doing are not traced otherwise.
    """
    parent = Headers(scope=scope).get("traceparent") if tracing.enabled() else None
    if scope["method"] in _ONLY_READ and parent is None:
        return nullcontext()
    return tracing.span("request", parent, kind="server")


def note_answer(answer: Answer) -> None:
    """Names and describes the request's span."""
    tracing.rename(f"{answer.method} {answer.route}")
    tracing.annotate(
        {
            "http.request.method": answer.method,
            "http.route": answer.route,
            "http.response.status_code": answer.status,
        }
    )
    if answer.job is not None:
        tracing.annotate({"tessera.job.id": answer.job})
    if answer.status >= 500 or not answer.status:
        tracing.annotate({"error.type": str(answer.status or "no answer")})
