"""Requests with retries, and the exceptions of responses that are no success."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from tessera_client.errors import (
    Conflict,
    NotAllowed,
    NotFound,
    RequestRefused,
    ServerFailed,
    SeveralScans,
    TesseraError,
    Unavailable,
)
from tessera_client.retries import Retries, Tries
from tessera_client.steps import Reply, Request, Send, Sleep, Steps, decoded_value
from tessera_client.types import Choice

T = TypeVar("T")

_UNAVAILABLE = (429, 502, 503, 504)
_REFUSED: Mapping[int, type[RequestRefused]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
}


def exchange(retries: Retries, request: Request) -> Steps[Reply]:
    """The successful response to a request, which is sent again while the server is unavailable."""

    def attempt() -> Steps[Reply]:
        return checked((yield Send(request)))

    return (yield from repeated(retries, attempt, repeatable=request.repeatable))


def repeated(
    retries: Retries, attempt: Callable[[], Steps[T]], *, repeatable: bool = True
) -> Steps[T]:
    """The result of the first attempt that does not raise Unavailable, with pauses between.

    An attempt that is not `repeatable` is made again only if the server has not received it.
    """
    tries = Tries(retries)
    while True:
        try:
            return (yield from attempt())
        except Unavailable as failure:
            may_repeat = repeatable or not failure.sent
            pause_s = tries.pause_s(failure) if may_repeat else None
            if pause_s is None:
                raise
        yield Sleep(pause_s)


def deletion(retries: Retries, request: Request) -> Steps[None]:
    """Deletes something; raises NotFound, unless an earlier try may have deleted it."""
    may_be_deleted = False

    def attempt() -> Steps[None]:
        nonlocal may_be_deleted
        try:
            checked((yield Send(request)))
        except Unavailable as failure:
            may_be_deleted |= failure.sent
            raise
        except NotFound:
            if not may_be_deleted:
                raise

    yield from repeated(retries, attempt)


def checked(reply: Reply) -> Reply:
    """The response if it is a success; else raises the exception of its problem."""
    if reply.is_success:
        return reply
    problem = _problem(reply)
    expected, hint, kind = (str(problem.get(name) or "") for name in ("expected", "hint", "type"))
    detail = str(problem.get("detail") or f"The server answered with status {reply.status}.")
    error = _kind(reply.status, problem)(
        detail, expected=expected, hint=hint, status=reply.status, kind=kind
    )
    if isinstance(error, Unavailable):
        error.retry_after_s = _seconds(reply.headers.get("retry-after", ""))
        error.sent = reply.status != 429
    if isinstance(error, SeveralScans):
        error.choices = decoded_value(tuple[Choice, ...], problem["choices"])
    raise error


def _kind(status: int, problem: Mapping[str, Any]) -> type[TesseraError]:
    if status in _UNAVAILABLE:
        return Unavailable
    if problem.get("choices"):
        return SeveralScans
    return ServerFailed if status >= 500 else _REFUSED.get(status, RequestRefused)


def _problem(reply: Reply) -> dict[str, Any]:
    """The problem in a response; empty where another program answered, such as a proxy."""
    try:
        value = reply.json()
    except TesseraError:
        return {}
    return value if isinstance(value, dict) else {}


def _seconds(retry_after: str) -> float:
    """The seconds that Retry-After states, or that remain until its date (RFC 9110, 10.2.3)."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0
