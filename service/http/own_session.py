"""The session of the sender of a request: for public routes that work on it."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from imaging.errors import Unauthenticated
from jobs.account import Person
from jobs.browser_session import BrowserSession
from service.auth import Principal
from service.http.dependencies import SignInSessionsDep
from service.http.permissions import CALLER
from service.http.session_cookie import idle_s, session_secret


def own_session(request: Request, sessions: SignInSessionsDep) -> BrowserSession:
    """The session of the request; raises Unauthenticated without one."""
    secret = session_secret(request)
    session = sessions.find(secret, idle_s(request)) if secret else None
    if session is None:
        raise Unauthenticated("You are not signed in.", hint="Sign in on the page.")
    note_person(request, session.person)
    return session


OwnSessionDep = Annotated[BrowserSession, Depends(own_session)]


def note_person(request: Request, person: Person) -> None:
    """For the audit trail: the route is public, so nobody has asked who it is."""
    request.scope[CALLER].principal = Principal(f"user {person.login}", "")
