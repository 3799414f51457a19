"""`Allowed`: the permission that a route needs, as a FastAPI dependency.

    @router.get("/v1/scans")
    def list_scans(principal: Annotated[Principal, Allowed(Permission.SCANS_READ)]) -> ScanPage:

A route that does not use its principal writes `dependencies=[Allowed(...)]`. Each route names
exactly one permission; tests/service/test_permissions.py lists them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Depends
from fastapi.dependencies.models import Dependant
from starlette.requests import Request

from imaging.errors import Forbidden, TesseraError, Unauthenticated, Unavailable
from service.auth import ANONYMOUS, Authenticator, HttpCaller, Permission, Principal
from service.http.project_path import PROJECT
from service.http.proxy_identity import proxy_login
from service.http.proxy_sign_ins import check_proxy_header, note_proxy_sign_in
from service.http.rate_limits import admit
from service.http.session_cookie import idle_s, session_secret

CALLER = "tessera.caller"
"""Key of a request's scope: the `RequestCaller`, for what is recorded of the request."""
_ADMITTED = "tessera.admitted"
"""Key of a request's scope: the Principal, once it was checked."""


@dataclass(slots=True)
class RequestCaller:
    """Who sends a request, and what for."""

    permission: Permission
    principal: Principal = ANONYMOUS
    """Anonymous until it is known."""


@dataclass(frozen=True, slots=True)
class RequiredPermission:
    """Admits callers that have a permission."""

    permission: Permission
    counted: bool = True
    """Whether its requests count for rate limits, and as use of a session."""

    async def __call__(self, request: Request) -> Principal:
        """The caller's principal, checked once for a request, before its body is read
        (`service.http.router`)."""
        admitted: Principal | None = request.scope.get(_ADMITTED)
        if admitted is None:
            admitted = request.scope[_ADMITTED] = await self.check(request)
        return admitted

    async def check(self, request: Request) -> Principal:
        """The caller's principal.

        Raises Unauthenticated (401) if the caller is not known, Forbidden (403) if it lacks the
        permission, TooManyRequests (429) above its rate limit. For a public route nobody is asked,
        and no thread is needed: such a route answers also while all threads wait for a part that
        does not.
        """
        caller = request.scope[CALLER] = RequestCaller(self.permission)
        if self.permission is Permission.PUBLIC:
            return ANONYMOUS
        sender = http_caller(request, uses=self.counted)
        await note_proxy_sign_in(request, sender)
        principal = await authenticated(request, sender)
        caller.principal = principal
        if self.counted:
            await admit(request, principal)
        principal.require(self.permission)
        request.state.required = self
        return principal


def required_permissions(dependant: Dependant) -> Iterator[RequiredPermission]:
    """Those that a route names: exactly one if it is sound."""
    if isinstance(dependant.call, RequiredPermission):
        yield dependant.call
    for part in dependant.dependencies:
        yield from required_permissions(part)


async def is_still_admitted(request: Request) -> bool:
    """Whether the caller of a request that goes on would be admitted now, too."""
    required: RequiredPermission = request.state.required
    try:
        await required.check(request)
    except (Unauthenticated, Forbidden):
        return False
    except Unavailable:
        return True  # nothing new is read while the database does not answer
    return True


def Allowed(  # noqa: N802 - a dependency, like FastAPI's Depends
    permission: Permission, *, counted: bool = True
) -> Any:
    """A dependency that yields the caller's Principal and needs `permission`.

    `counted`: whether a request counts for rate limits, and as use of a session; streams of events
    do not.
    """
    return Depends(RequiredPermission(permission, counted))


async def authenticated(request: Request, caller: HttpCaller) -> Principal:
    """The principal of a caller; raises Unauthenticated (401)."""
    authenticator: Authenticator = request.app.state.authenticator
    return await run_sync(authenticator.authenticate, caller)


def may(request: Request, permission: Permission) -> bool:
    """Whether the caller of a public route has a permission; asks the database."""
    authenticator: Authenticator = request.app.state.authenticator
    try:
        return authenticator.authenticate(http_caller(request, uses=False)).has(permission)
    except TesseraError:
        return False


def http_caller(request: Request, *, uses: bool = True) -> HttpCaller:
    """Who sends a request. `uses`: whether it shows that a person uses the service.

    A key counts before what a proxy says, and that before the cookie of a session. Raises Forbidden
    for a request without a key that another site may have caused, and for a header that only a
    proxy may send.
    """
    check_proxy_header(request)
    authorization = request.headers.get("authorization", "")
    login = "" if authorization else proxy_login(request)
    return HttpCaller(
        authorization=authorization,
        login=login,
        session="" if authorization or login else session_secret(request),
        project=request.scope.get(PROJECT, ""),
        idle_s=idle_s(request) if uses else None,
        address=request.client.host if request.client else "",
    )
