"""Who is signed in on the page, as the database said a moment ago."""

import threading
import time
from dataclasses import dataclass, replace

from imaging.errors import Unavailable
from jobs.browser_session import (
    UNKNOWN_PLACE,
    BrowserSession,
    OpenSession,
    SignInMethod,
    SignInPlace,
)
from jobs.random_secret import sha256_of
from jobs.repository import BrowserSessions
from service.auth.known_callers import MAX_AGE_S, REFRESH_S

RENEW_S = 900.0
"""How old the secret of a session must be to be replaced."""
_MINUTE_S = 60
_MOST = 10_000
"""Sessions that are remembered."""


@dataclass(frozen=True, slots=True)
class _Known:
    session: BrowserSession
    at: float


class SignInSessions:
    """Begins, recognises and ends sessions; thread-safe.

    A session that is used is read from the database once in `REFRESH_S`, however many requests it
    sends: what changes elsewhere counts after that time. One that began in another gateway counts
    at once.
    """

    def __init__(self, rows: BrowserSessions, idle_s: float, lifetime_s: float) -> None:
        """`idle_s`: how long a session may be unused; `lifetime_s`: when it ends in any case."""
        self._rows = rows
        self.idle_s, self._lifetime_s = idle_s, lifetime_s
        self._known: dict[str, _Known] = {}
        self._mutex = threading.Lock()

    def begin(self, person: str, method: SignInMethod, place: SignInPlace = UNKNOWN_PLACE) -> str:
        """Begins a session of a person, by id; the secret for the cookie.

        Raises Unauthenticated for a person who is unknown or disabled, and Unavailable.
        """
        return self._rows.begin(person, method, self._lifetime_s, place)

    def find(self, secret: str, used_ago_s: float | None = None) -> BrowserSession | None:
        """The session with this secret; None if there is none or it has ended.

        `used_ago_s`: how many seconds ago the person used it, which is stored once a minute; None:
        the request does not show that. Raises Unavailable.
        """
        key = sha256_of(secret)
        session = self._current(key, secret)
        if session is None or used_ago_s is None:
            return session
        used_at = time.time() - used_ago_s
        if used_at - session.used_at > _MINUTE_S:
            session = replace(session, used_at=used_at)
            self._remember(key, session, time.monotonic())
            self._rows.note_use(session.id, used_ago_s)
        return session

    def renew(self, secret: str) -> str | None:
        """Another secret for the session, if the present one is old; else None."""
        return self._rows.renew(secret, RENEW_S)

    def end(self, secret: str) -> None:
        """Ends a session: sign-out."""
        self._rows.end(secret)
        with self._mutex:
            self._known.pop(sha256_of(secret), None)

    def of(self, login: str, *, only_in: str | None = None) -> list[OpenSession]:
        """The sessions of a person; see `BrowserSessions.of`."""
        return self._rows.of(login, self.idle_s, only_in=only_in)

    def end_of(
        self, login: str, session: str | None = None, *, but: str = "", only_in: str | None = None
    ) -> None:
        """Ends a session of a person, by id, or all others; see `BrowserSessions.end_of`."""
        self._rows.end_of(login, session, but=but, only_in=only_in)
        self.forget()

    def forget(self) -> None:
        """Reads all sessions again when they are used next: something changed here."""
        with self._mutex:
            self._known = {}

    def _current(self, key: str, secret: str) -> BrowserSession | None:
        now = time.monotonic()
        known = self._known.get(key)
        if known is not None and now - known.at < REFRESH_S:
            return known.session
        try:
            session = self._rows.find(secret, self.idle_s)
        except Unavailable:
            if known is not None and now - known.at < MAX_AGE_S:
                return known.session
            raise
        self._remember(key, session, now)
        return session

    def _remember(self, key: str, session: BrowserSession | None, now: float) -> None:
        with self._mutex:
            if session is None:
                self._known.pop(key, None)
                return
            if len(self._known) >= _MOST:
                young = self._known.items()
                self._known = {one: known for one, known in young if now - known.at < MAX_AGE_S}
            self._known[key] = _Known(session, now)
