"""The port between connectors and accounts: a caller is described, a principal is returned.

Adapters: `StoredAccounts` (API keys in `HttpCaller.authorization`, people by `HttpCaller.login` or
`HttpCaller.session`, and DICOM senders by their AE title), and `LocalAdministrator`, which the
other one uses while there are no accounts.
"""

from dataclasses import dataclass, field
from typing import Protocol

from service.auth.principal import Principal


@dataclass(frozen=True, slots=True)
class HttpCaller:
    """Who sends an HTTP request, as far as the request shows."""

    authorization: str = field(default="", repr=False)
    """The Authorization header; empty if there is none."""
    login: str = ""
    """Login name of the person, as a trusted proxy states it; empty: none does."""
    session: str = field(default="", repr=False)
    """Secret of the session of somebody who signed in on the page; empty: there is none."""
    project: str = ""
    """The project that the request names; empty: none. A key belongs to one project anyway."""
    idle_s: float | None = None
    """How many seconds ago the person did something; None: the request does not show that."""
    address: str = ""
    """IP address of the connection's other end, which may be a proxy; empty if unknown."""


@dataclass(frozen=True, slots=True)
class DicomCaller:
    """Who sends a DICOM message. An AE title is a name, not a proof."""

    ae_title: str
    """The calling AE title (PS3.8, 9.3.2)."""


@dataclass(frozen=True, slots=True)
class BackgroundTask:
    """Work that the gateway does by itself, in one project."""

    name: str
    project: str


Caller = HttpCaller | DicomCaller | BackgroundTask


class Authenticator(Protocol):
    """Says who a caller is. Called once per request or DICOM message, from many threads."""

    def authenticate(self, caller: Caller) -> Principal:
        """The caller's principal.

        Raises Unauthenticated if the caller presents no valid credentials, Unavailable if they
        cannot be checked now.
        """
