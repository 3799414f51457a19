"""`Allowed`: the permission that a route needs, as a FastAPI dependency.

    @router.get("/v1/scans")
    def list_scans(principal: Annotated[Principal, Allowed(Permission.SCANS_READ)]) -> ScanPage:

A route that does not use its principal writes `dependencies=[Allowed(...)]`. Each route names
exactly one permission; tests/service/test_permissions.py lists them all.
"""

from dataclasses import dataclass
from typing import Any

from anyio.to_thread import run_sync
from fastapi import Depends
from starlette.requests import Request

from service.auth import ANONYMOUS, Authenticator, HttpCaller, Permission, Principal

CALLER = "tessera.caller"
"""Key of a request's scope: the `RequestCaller`, for what is recorded of the request."""


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

    async def __call__(self, request: Request) -> Principal:
        """The caller's principal.

        Raises Unauthenticated (401) if the caller is not known, Forbidden (403) if it lacks the
        permission. For a public route nobody is asked, and no thread is needed: such a route
        answers also while all threads wait for a part that does not.
        """
        caller = request.scope[CALLER] = RequestCaller(self.permission)
        if self.permission is Permission.PUBLIC:
            return ANONYMOUS
        authenticator: Authenticator = request.app.state.authenticator
        principal = await run_sync(authenticator.authenticate, _caller(request))
        caller.principal = principal
        principal.require(self.permission)
        return principal


def Allowed(permission: Permission) -> Any:  # noqa: N802 - a dependency, like FastAPI's Depends
    """A dependency that yields the caller's Principal and needs `permission`."""
    return Depends(RequiredPermission(permission))


def _caller(request: Request) -> HttpCaller:
    return HttpCaller(
        authorization=request.headers.get("authorization", ""),
        cookies=request.cookies,
        address=request.client.host if request.client else "",
    )
