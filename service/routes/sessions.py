"""Where people are signed in: lists of sessions, and how they are ended from elsewhere."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Response

from jobs.audit.event import AuditObject
from jobs.browser_session import OpenSession
from service.auth import Permission, Principal
from service.http.audited import AuditedDep
from service.http.dependencies import SignInSessionsDep
from service.http.own_session import OwnSessionDep
from service.http.permissions import Allowed
from service.http.router import Router
from service.http.security_schemes import OWN_SESSION
from service.routes.times import time_of
from service.schemas import Login, SessionId, SignInOut, SignInsOut

router = Router()

_Manager = Annotated[Principal, Allowed(Permission.ACCOUNTS_MANAGE)]
_own = Router(tags=["sign-in"], dependencies=[Allowed(Permission.PUBLIC)])
_managed = Router(tags=["accounts"])


@_own.get("/v1/sessions", openapi_extra={**OWN_SESSION})
def list_sessions(sessions: SignInSessionsDep, session: OwnSessionDep) -> SignInsOut:
    """The browsers in which the caller is signed in, the last used first."""
    return _sign_ins_out(sessions.of(session.person.login), session.id)


@_own.delete(
    "/v1/sessions", status_code=204, response_class=Response, openapi_extra={**OWN_SESSION}
)
def end_other_sessions(
    sessions: SignInSessionsDep, audited: AuditedDep, session: OwnSessionDep
) -> None:
    """Signs the caller out in all other browsers."""
    audited.add(AuditObject.ACCOUNT, session.person.login)
    sessions.end_of(session.person.login, but=session.id)


@_own.delete(
    "/v1/sessions/{sign_in_id}",
    status_code=204,
    response_class=Response,
    openapi_extra={**OWN_SESSION},
)
def end_session(
    sign_in_id: SessionId,
    sessions: SignInSessionsDep,
    audited: AuditedDep,
    session: OwnSessionDep,
) -> None:
    """Signs the caller out in one browser. A session of somebody else is not found."""
    audited.add(AuditObject.ACCOUNT, session.person.login)
    sessions.end_of(session.person.login, sign_in_id)


@_managed.get("/v1/users/{login}/sessions")
def list_sessions_of_user(
    login: Login, sessions: SignInSessionsDep, principal: _Manager
) -> SignInsOut:
    """The browsers in which a user is signed in, the last used first.

    The user must be in this project alone, here and below: the response is a 403 for others.
    """
    return _sign_ins_out(sessions.of(login, only_in=principal.project))


@_managed.delete("/v1/users/{login}/sessions", status_code=204, response_class=Response)
def end_sessions_of_user(login: Login, sessions: SignInSessionsDep, principal: _Manager) -> None:
    """Signs a user out in all browsers. Keys of the user still work."""
    sessions.end_of(login, only_in=principal.project)


@_managed.delete(
    "/v1/users/{login}/sessions/{sign_in_id}", status_code=204, response_class=Response
)
def end_session_of_user(
    login: Login, sign_in_id: SessionId, sessions: SignInSessionsDep, principal: _Manager
) -> None:
    """Signs a user out in one browser."""
    sessions.end_of(login, sign_in_id, only_in=principal.project)


router.include_router(_own)
router.include_router(_managed)


def _sign_ins_out(sessions: Sequence[OpenSession], own: str = "") -> SignInsOut:
    return SignInsOut(
        sessions=[
            SignInOut(
                id=one.id,
                method=one.method,
                address=one.place.address,
                browser=one.place.browser,
                created_at=time_of(one.created_at),
                used_at=time_of(one.used_at),
                expires_at=time_of(one.expires_at),
                is_own=one.id == own,
            )
            for one in sessions
        ]
    )
