"""Records requests in the audit trail, once the status of their response is known."""

import asyncio
import logging
import re
from collections.abc import Iterable
from concurrent.futures import Future

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jobs.audit.event import AuditObject, AuditOutcome
from jobs.log_format import log_field
from service.http.audited import OBJECTS, UNCHANGED
from service.http.audited_routes import LOCATIONS, AuditedRoute, audited_route
from service.http.permissions import CALLER, RequestCaller
from service.use_cases.audit_recorder import NO_OBJECT, WAIT_S, AuditRecorder, Deed, Object

logger = logging.getLogger("tessera.audit")

_ID = re.compile(r"^[0-9a-f]{32}$")
_LOCATION = re.compile(rb"^/v1/([a-z]+)/([0-9a-f]{32})$")
_DENIED = (401, 403)
TOO_MANY = 429


class AuditTrail:
    """ASGI: the response to a change is sent after its event is stored."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answered = False

        async def watch(message: Message) -> None:
            nonlocal answered
            if not answered and message["type"] == "http.response.start":
                answered = True
                written = _record(scope, message["status"], message.get("headers", ()))
                if written is not None:
                    await _wait(written)
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            if not answered:  # the connection broke off
                _record(scope, 0, ())


async def _wait(written: "Future[bool]") -> None:
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(written)), WAIT_S)
    except TimeoutError:
        logger.warning("An event of the audit trail is not stored yet.")


def _record(
    scope: Scope, status: int, headers: Iterable[tuple[bytes, bytes]]
) -> "Future[bool] | None":
    """Records a request if that is wanted. The result is to be waited for."""
    caller: RequestCaller | None = scope.get(CALLER)
    if caller is None or status == TOO_MANY:  # answered before it was routed, or part of a flood
        return None
    if scope.get(UNCHANGED):
        return None
    route = audited_route(scope["method"], scope["route"].path, caller.permission)
    if route is None or (route.only_denied and status not in _DENIED):
        return None
    outcome = _outcome(status)
    deed = Deed(
        principal=caller.principal,
        action=route.action,
        outcome=outcome,
        objects=_objects(scope, route, outcome, headers) or (NO_OBJECT,),
        origin=(scope.get("client") or ("", 0))[0],
        request=log_field("request"),
    )
    recorder: AuditRecorder = scope["app"].state.services[AuditRecorder]
    unknown = not caller.principal.name and outcome is not AuditOutcome.SUCCESS
    if route.changes and outcome is not AuditOutcome.DENIED and not unknown:
        return recorder.store(deed, repeats=route.repeats and outcome is AuditOutcome.SUCCESS)
    recorder.note(deed, repeats=True)
    return None


def _outcome(status: int) -> AuditOutcome:
    if status in _DENIED:
        return AuditOutcome.DENIED
    return AuditOutcome.SUCCESS if 0 < status < 400 else AuditOutcome.FAILED


def _objects(
    scope: Scope,
    route: AuditedRoute,
    outcome: AuditOutcome,
    headers: Iterable[tuple[bytes, bytes]],
) -> list[Object]:
    """What the request is about. Text that a caller invented is not recorded: a parameter counts if
    it looks like an id, or if the request succeeded."""
    success = outcome is AuditOutcome.SUCCESS
    values = scope.get("path_params", {})
    objects: list[Object] = [
        (kind, values[name])
        for name, kind in route.parameters.items()
        if name in values and (success or _ID.match(values[name]))
    ]
    objects += scope.get(OBJECTS, ())
    if route.changes and success:
        objects += _created(headers)
    if not objects and route.kind is not AuditObject.NONE:
        objects.append((route.kind, ""))
    return list(dict.fromkeys(objects))


def _created(headers: Iterable[tuple[bytes, bytes]]) -> list[Object]:
    for name, value in headers:
        if name.lower() == b"location" and (parts := _LOCATION.match(value)):
            kind = LOCATIONS.get(parts[1].decode())
            return [] if kind is None else [(kind, parts[2].decode())]
    return []
