"""Sessions of people who signed in on the page. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jobs.account import Person, ProjectRole


class SignInMethod(StrEnum):
    """How somebody shows who they are."""

    PASSWORD = "password"  # noqa: S105 - a method, not a password
    OIDC = "oidc"
    """An OpenID Connect provider says who it is."""
    PROXY = "proxy"
    """A proxy says with every request who it is; there is no session."""


@dataclass(frozen=True, slots=True)
class SignInPlace:
    """Where somebody signs in, by which they recognise the session later."""

    address: str = ""
    """IP address; empty: unknown."""
    browser: str = ""
    """Name of the browser and its system, such as `Firefox on Linux`; empty: unknown."""


UNKNOWN_PLACE = SignInPlace()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as a list of a person's sessions shows it."""

    id: str
    method: SignInMethod
    place: SignInPlace
    created_at: float
    used_at: float
    """To the minute."""
    expires_at: float


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser in which a person is signed in. Its requests say in which project they are."""

    id: str
    person: Person
    method: SignInMethod
    created_at: float
    used_at: float
    """When the person last did something in this browser, to the minute."""
    renewed_at: float
    """When the browser got its present secret."""
    expires_at: float
    """When it ends however much it is used."""
    roles: Mapping[str, ProjectRole]
    """Project -> role of the person there, by the names of the projects."""
