"""One table: which exception becomes which RFC 9457 problem."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imaging.errors import BadInput, ScanTooLarge, TesseraError
from jobs import problem
from jobs.problem import Answer
from service.schemas import Choice, Problem

logger = logging.getLogger("tessera.service")


class ForeignHost(BadInput):
    """The Host header is not one of ours: DNS rebinding, or a name that nobody configured."""


class ForeignOrigin(BadInput):
    """Another site's page made this request."""


class BodyTooLarge(ScanTooLarge):
    """The request's body is larger than is taken."""


TABLE: Mapping[type[Exception], Answer] = {
    **problem.TABLE,
    ForeignHost: Answer(421, "Not a host that is served here"),
    ForeignOrigin: Answer(403, "Another site may not call this service"),
    RequestValidationError: Answer(422, "The request is not of the right form"),
    ClientDisconnect: Answer(400, "The request was cut off"),
}
"""What happens to jobs, and what only a request can bring about."""

_HTTP: Mapping[int, tuple[str, str]] = {
    404: ("There is nothing at this address.", "See /docs for the addresses that there are."),
    405: (
        "This address does not take this method.",
        "See the Allow header, or /docs for what each address takes.",
    ),
}
RETRY_AFTER_S = 5


def install(app: FastAPI) -> None:
    """Has every exception of the table, and the router's own, answered as a problem."""

    def handle(_: Request, error: Exception) -> JSONResponse:
        return answer(error)

    for kind in (*TABLE, HTTPException):
        app.add_exception_handler(kind, handle)


def answer(error: Exception) -> JSONResponse:
    """The problem+json response that `error` becomes."""
    if isinstance(error, HTTPException):
        cause = error.__cause__  # FastAPI wraps what happens while it reads a body
        if isinstance(cause, Exception) and isinstance(cause, tuple(TABLE)):
            return answer(cause)
        return respond(_of_http(error), error.headers)
    told = problem_of(error)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if told.status == 503 else None
    return respond(told, headers)


def problem_of(error: Exception) -> Problem:
    """The problem of an exception that the table knows; raises KeyError for any other."""
    kind = problem.kind_of(error, TABLE)
    detail, expected, hint = _sentences(error)
    return Problem(
        type=problem.type_of(kind),
        title=TABLE[kind].title,
        status=TABLE[kind].status,
        detail=detail,
        expected=expected,
        hint=hint,
        choices=[Choice(**one) for one in getattr(error, "choices", ())] or None,
    )


def stored(error: Mapping[str, Any]) -> Problem:
    """A job's stored error as a problem; fields that it lacks or has too many do no harm."""
    known = {key: error[key] for key in Problem.model_fields if error.get(key) is not None}
    return Problem.model_validate(
        {"title": "The job failed", "status": 500, "detail": "The job failed.", **known}
    )


def respond(told: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem on the wire."""
    return JSONResponse(
        told.model_dump(exclude_none=True),
        status_code=told.status,
        headers=headers,
        media_type="application/problem+json",
    )


class Unexpected:
    """ASGI: an exception that nothing else answers becomes a 500 with an id to look for in the log.

    The log gets the exception's class and the lines it passed, never its message, which may quote
    what the caller sent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last resort, by its purpose
            found = problem.logged(error, logger)
            if scope["type"] != "http" or started:
                raise RuntimeError(f"The response broke off; see error {found}.") from None
            await respond(unexpected(found))(scope, receive, send)


def unexpected(found: str) -> Problem:
    """The problem of an error that nobody expected; `found` is its id in the log."""
    return Problem(
        type="urn:tessera:unexpected",
        title="The service failed",
        status=500,
        detail=f"Something failed that should not; its id is {found}.",
        expected="An answer.",
        hint="Try again; if it happens again, tell whoever runs this service the id.",
        instance=f"urn:uuid:{found}",
    )


def _sentences(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, TesseraError):
        return error.detail, error.expected, error.hint or "Mend the request and send it again."
    if isinstance(error, RequestValidationError):
        faults = "; ".join(_fault(fault) for fault in error.errors())
        return f"Not of the right form: {faults}.", "What /docs describes.", "Mend these fields."
    return "The connection ended before the request did.", "A whole request.", "Send it again."


def _fault(fault: Mapping[str, Any]) -> str:
    """Where and what, without the value that came."""
    return f"{'.'.join(str(part)[:64] for part in fault['loc'])}: {fault['msg']}"


def _of_http(error: HTTPException) -> Problem:
    detail, hint = _HTTP.get(
        error.status_code, ("The request cannot be read.", "See /docs for what is expected.")
    )
    return Problem(
        type=f"urn:tessera:http-{error.status_code}",
        title=detail.rstrip("."),
        status=error.status_code,
        detail=detail,
        hint=hint,
    )
