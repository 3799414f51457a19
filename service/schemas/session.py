"""Sign-in on the page."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.account import ProjectRole
from jobs.browser_session import SignInMethod
from service.schemas.fields import Identifier, Text, Wire

_Password = Annotated[Text, Field(min_length=1, max_length=4000)]
SessionId = Annotated[Identifier, Field(description="Id of the session.")]
SetupLink = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]


class ProjectRoleOut(Wire):
    """A project of somebody, and the role there."""

    name: str
    role: ProjectRole


class SignedInOut(Wire):
    """Who is signed in."""

    login: str
    name: str
    """Name in reviews."""
    method: SignInMethod
    """How the person signed in."""
    projects: list[ProjectRoleOut]
    """By name. The page of each is at `/projects/NAME/`."""


class SessionOut(Wire):
    """Whether somebody is signed in, and how one can sign in."""

    accounts: bool
    """Whether the service has accounts; without, nobody needs to sign in."""
    methods: list[SignInMethod]
    """How people can sign in; empty: a proxy says who they are."""
    provider: str | None
    """Name of the OpenID provider, with which people sign in at `/v1/sign-in/oidc`; null: none."""
    idle_s: float
    """After how many seconds without use a session ends."""
    person: SignedInOut | None
    """Null: nobody is signed in."""


class SignInOut(Wire):
    """A browser in which somebody is signed in."""

    id: str
    method: SignInMethod
    """How the person signed in."""
    address: str
    """IP address at the sign-in; empty: unknown."""
    browser: str
    """Name of the browser and its system, such as `Firefox on Linux`; empty: unknown."""
    created_at: datetime
    """When the person signed in."""
    used_at: datetime
    """When the person last did something there, to the minute."""
    expires_at: datetime
    """When the session ends however much it is used."""
    is_own: bool
    """Whether the request belongs to this session."""


class SignInsOut(Wire):
    """Where somebody is signed in."""

    sessions: list[SignInOut]


class SignInIn(Wire):
    """A login name and a password."""

    login: Annotated[Text, Field(min_length=1, max_length=100)]
    password: _Password


class NewPasswordIn(Wire):
    """A password that somebody with a setup link chooses."""

    link: SetupLink
    """The secret of the link: `setup` in its address."""
    password: _Password
    """15 to 1,000 characters, and not easy to guess."""


class PasswordChangeIn(Wire):
    """A new password of somebody who is signed in."""

    current: _Password
    password: _Password
    """15 to 1,000 characters, and not easy to guess."""
