"""One table: which exception becomes which RFC 9457 problem."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imaging.errors import BadInput, LimitReached, ScanTooLarge, TesseraError
from jobs import problem
from jobs.problem import Answer
from service.auth.password_rules import WeakPassword
from service.http.methods import METHOD_NOT_ALLOWED, methods_of
from service.http.tus_version import VERSION
from service.resources.peers import PeerTooSlow
from service.schemas import Problem

logger = logging.getLogger("tessera.service")


class ForeignHost(BadInput):
    """The Host header names another host: DNS rebinding, or a name that is not configured."""


class ForeignOrigin(BadInput):
    """A page of another site made this request."""


class AmbiguousFraming(BadInput):
    """The headers allow two opinions on where the request ends."""


class BodyTooLarge(ScanTooLarge):
    """The request's body is larger than the limit."""


class UnsupportedTusVersion(BadInput):
    """The request speaks another version of tus, the protocol of uploads, or states none."""


class WrongMediaType(BadInput):
    """The body's media type is not the one that this address takes."""


TABLE: Mapping[type[Exception], Answer] = {
    **problem.TABLE,
    PeerTooSlow: Answer(504, "A DICOM peer is too slow"),
    ForeignHost: Answer(421, "This host name is not served here"),
    ForeignOrigin: Answer(403, "Requests from other sites are not allowed"),
    UnsupportedTusVersion: Answer(412, "This version of tus is not supported"),
    WeakPassword: Answer(422, "Choose a better password"),
    WrongMediaType: Answer(415, "The media type is not supported"),
    AmbiguousFraming: Answer(400, "The request is malformed"),
    RequestValidationError: Answer(422, "The request is not valid"),
    ClientDisconnect: Answer(400, "The request is incomplete"),
}
"""Errors of jobs, and errors that only a request can cause."""

_HTTP: Mapping[int, tuple[str, str]] = {
    404: ("There is nothing at this address.", "See /docs for the addresses of this service."),
    405: (
        "This address does not support this method.",
        "See the Allow header, or /docs for the methods of each address.",
    ),
}
RETRY_AFTER_S = 5
_MOST_FAULTS = 10


def install(app: FastAPI) -> None:
    """Answers every exception of the table, and the router's own, with a problem."""

    async def handle(request: Request, error: Exception) -> Response:  # async: needs no thread
        if isinstance(error, HTTPException) and error.status_code == METHOD_NOT_ALLOWED:
            return _of_other_methods(request)
        return response_to(error)

    for kind in (*TABLE, HTTPException):
        app.add_exception_handler(kind, handle)


def _of_other_methods(request: Request) -> Response:
    """The response to OPTIONS, and to a method that the address does not support."""
    allow = {"Allow": ", ".join(methods_of(request))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=allow)
    return problem_response(_of_http(HTTPException(METHOD_NOT_ALLOWED)), allow)


def response_to(error: Exception) -> JSONResponse:
    """The problem+json response to an exception of the table or of the router."""
    if isinstance(error, HTTPException):
        cause = error.__cause__  # FastAPI wraps exceptions that occur while it reads a body
        if isinstance(cause, Exception) and isinstance(cause, tuple(TABLE)):
            return response_to(cause)
        return problem_response(_of_http(error), error.headers)
    reply = problem_of(error)
    return problem_response(reply, _headers(error, reply.status))


def problem_of(error: Exception) -> Problem:
    """The problem of an exception of the table; raises KeyError for any other."""
    detail, expected, hint = _sentences(error)
    choices = getattr(error, "choices", ()) or None
    members = problem.members(error, detail, expected, hint, table=TABLE)
    return Problem.model_validate({**members, "choices": choices})


def stored(error: Mapping[str, Any]) -> Problem:
    """A stored error of a job or delivery as a problem; missing and unknown members are allowed."""
    known = {key: error[key] for key in Problem.model_fields if error.get(key) is not None}
    return Problem.model_validate(
        {"title": "The job failed", "status": 500, "detail": "The job failed.", **known}
    )


def problem_response(reply: Problem, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """A problem on the wire."""
    return JSONResponse(
        reply.model_dump(exclude_none=True),
        status_code=reply.status,
        headers=headers,
        media_type="application/problem+json",
    )


class UnexpectedErrors:
    """ASGI: an exception that nothing else answers becomes a 500 with an id that the log has too.

    The log gets the exception's class and stack, never its message, which may quote the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001 - the last resort, on purpose
            error_id = problem.logged(error, logger)
            if started:
                raise RuntimeError(f"The response was interrupted; see error {error_id}.") from None
            reply = Problem.model_validate(problem.unexpected(error_id))
            await problem_response(reply)(scope, receive, send)


def _headers(error: Exception, status: int) -> dict[str, str] | None:
    if isinstance(error, LimitReached) and error.retry_after_s is not None:
        return {"Retry-After": str(error.retry_after_s)}  # RFC 6585, 4
    if status == 503:
        return {"Retry-After": str(RETRY_AFTER_S)}
    if status == 412:
        return {"Tus-Version": VERSION}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else None  # RFC 9110, 15.5.2


def _sentences(error: Exception) -> tuple[str, str, str]:
    if isinstance(error, TesseraError):
        return error.detail, error.expected, problem.hint_of(error)
    if isinstance(error, RequestValidationError):
        return (
            f"The request is not valid: {_faults(error.errors())}.",
            "A request as /docs describes it.",
            "Correct these fields.",
        )
    return "The connection ended before the request did.", "A complete request.", "Send it again."


def _faults(faults: Sequence[Mapping[str, Any]]) -> str:
    """The first faults; a batch of many jobs may have the same one in each."""
    named = "; ".join(_fault(fault) for fault in faults[:_MOST_FAULTS])
    more = len(faults) - _MOST_FAULTS
    return f"{named}; and {more:,} more" if more > 0 else named


def _fault(fault: Mapping[str, Any]) -> str:
    """Where the fault is and what it is, without the value."""
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
