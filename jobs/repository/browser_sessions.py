"""Sessions of people who signed in on the page: begun, recognised, renewed and ended."""

from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update

from imaging.errors import NotFound, Unauthenticated
from jobs.account import Person, ProjectRole
from jobs.browser_session import (
    UNKNOWN_PLACE,
    BrowserSession,
    OpenSession,
    SignInMethod,
    SignInPlace,
)
from jobs.random_secret import new_secret, sha256_of
from jobs.repository.account_rows import check_only_in, person_with, unknown_person
from jobs.repository.database import Database
from jobs.repository.rows import Row
from jobs.repository.schema.account_tables import memberships, people
from jobs.repository.schema.sign_in_tables import browser_sessions, passwords

GRACE_S = 60.0
"""How long the secret before the present one still works: for requests that were on their way."""


class BrowserSessions:
    """The sessions of all people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        person: str,
        method: SignInMethod,
        lifetime_s: float,
        place: SignInPlace = UNKNOWN_PLACE,
    ) -> str:
        """Begins a session of a person, by id, and returns its secret, which is stored as a hash.

        Raises Unauthenticated for a person who is unknown or disabled, or whose password ended
        after it was checked.
        """
        secret = new_secret()
        with self._database.write() as connection:
            lock_credentials(self._database, connection, person)
            active = and_(people.c.id == person, people.c.disabled_at.is_(None))
            if connection.execute(select(people.c.id).where(active)).first() is None:
                raise Unauthenticated(
                    "This account is disabled.",
                    expected="An account that may use the service.",
                    hint="Ask an administrator of the service.",
                )
            own = select(passwords.c.person).where(passwords.c.person == person)
            if method is SignInMethod.PASSWORD and connection.execute(own).first() is None:
                raise session_ended()
            now = self._database.clock(connection)
            old = browser_sessions.c.expires_at <= now
            connection.execute(delete(browser_sessions).where(old))
            row = {
                "id": uuid4().hex,
                "secret_sha256": sha256_of(secret),
                "person": person,
                "method": method,
                "created_at": now,
                "used_at": now,
                "renewed_at": now,
                "expires_at": now + lifetime_s,
                "address": place.address,
                "browser": place.browser,
            }
            connection.execute(insert(browser_sessions).values(row))
        return secret

    def find(self, secret: str, idle_s: float) -> BrowserSession | None:
        """The session with this secret; None if there is none, if it has ended or was not used for
        `idle_s`, and if its person is disabled."""
        now = self._database.now
        columns = [
            *browser_sessions.c,
            *(people.c[name].label(f"person_{name}") for name in _PERSON),
        ]
        query = (
            select(*columns, memberships.c.project, memberships.c.role)
            .join(people, people.c.id == browser_sessions.c.person)
            .outerjoin(memberships, memberships.c.person == people.c.id)
            .where(
                self._known(secret),
                browser_sessions.c.expires_at > now,
                browser_sessions.c.used_at > now - idle_s,
                people.c.disabled_at.is_(None),
            )
            .order_by(memberships.c.project)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return _session_of(rows) if rows else None

    def of(self, login: str, idle_s: float, *, only_in: str | None = None) -> list[OpenSession]:
        """The sessions of a person that have not ended, the last used first; `idle_s` as in `find`.

        `only_in`: who asks administers this project alone. Then the person must be in it, and in no
        other one. Raises NotFound, Forbidden.
        """
        now = self._database.now
        with self._database.read() as connection:
            person = _person(connection, login, only_in)
            query = select(browser_sessions).where(
                browser_sessions.c.person == person.id,
                browser_sessions.c.expires_at > now,
                browser_sessions.c.used_at > now - idle_s,
            )
            query = query.order_by(browser_sessions.c.used_at.desc(), browser_sessions.c.id)
            return [_open_session_of(row) for row in connection.execute(query).mappings()]

    def end_of(
        self, login: str, session: str | None = None, *, but: str = "", only_in: str | None = None
    ) -> None:
        """Ends a session of a person, by id, or all except the one with the id `but`; `only_in` as
        in `of`. Raises NotFound, Forbidden."""
        with self._database.write() as connection:
            person = _person(connection, login, only_in)
            if session is None:
                end_sessions(connection, person.id, but=but)
                return
            this = and_(browser_sessions.c.id == session, browser_sessions.c.person == person.id)
            if not connection.execute(delete(browser_sessions).where(this)).rowcount:
                raise NotFound(
                    "There is no such session.",
                    expected="A session of the user that has not ended.",
                    hint="List the sessions again: it may have ended by itself.",
                )

    def note_use(self, session: str, ago_s: float) -> None:
        """Records that the person used a session, by id, so many seconds ago."""
        at = self._database.now - ago_s
        own = browser_sessions.c.id == session
        later = and_(own, browser_sessions.c.used_at < at)
        with self._database.write() as connection:
            connection.execute(update(browser_sessions).where(later).values(used_at=at))

    def renew(self, secret: str, min_age_s: float) -> str | None:
        """A new secret for the session; None if the present one is not `min_age_s` old, or if it is
        no longer the present one. The old secret works for `GRACE_S` more."""
        new, old = new_secret(), sha256_of(secret)
        now = self._database.now
        due = and_(
            browser_sessions.c.secret_sha256 == old,
            browser_sessions.c.renewed_at <= now - min_age_s,
        )
        change = update(browser_sessions).where(due)
        with self._database.write() as connection:
            renewed = connection.execute(
                change.values(secret_sha256=sha256_of(new), previous_sha256=old, renewed_at=now)
            ).rowcount
        return new if renewed else None

    def end(self, secret: str) -> None:
        """Ends the session with this secret, if there is one."""
        with self._database.write() as connection:
            connection.execute(delete(browser_sessions).where(self._known(secret)))

    def _known(self, secret: str) -> ColumnElement[bool]:
        """The session whose present secret it is, or was until a moment ago."""
        sha256 = sha256_of(secret)
        return or_(
            browser_sessions.c.secret_sha256 == sha256,
            and_(
                browser_sessions.c.previous_sha256 == sha256,
                browser_sessions.c.renewed_at > self._database.now - GRACE_S,
            ),
        )


def end_sessions(connection: Connection, person: str, *, but: str = "") -> None:
    """Ends all sessions of a person, by id, except the one with the id `but`."""
    others = and_(browser_sessions.c.person == person, browser_sessions.c.id != but)
    connection.execute(delete(browser_sessions).where(others))


def lock_credentials(database: Database, connection: Connection, person: str) -> None:
    """No other transaction begins a session of a person, by id, creates a link, or changes or ends
    the password until this one ends."""
    database.lock(connection, f"credentials of {person}")


def session_ended() -> Unauthenticated:
    """The password was valid a moment ago."""
    return Unauthenticated(
        "Your password has ended, since you were added to a project, or your session has.",
        expected="A sign-in with the present password.",
        hint="Sign in again, or ask for a new link.",
    )


def _person(connection: Connection, login: str, only_in: str | None) -> Person:
    person = person_with(connection, login, only_in)
    if person is None:
        raise unknown_person()
    if only_in is not None:
        check_only_in(connection, person.id, only_in, "tessera users sign-out")
    return person


def _open_session_of(row: Row) -> OpenSession:
    return OpenSession(
        id=row["id"],
        method=SignInMethod(row["method"]),
        place=SignInPlace(row["address"] or "", row["browser"] or ""),
        created_at=row["created_at"],
        used_at=row["used_at"],
        expires_at=row["expires_at"],
    )


_PERSON = tuple(Person.__dataclass_fields__)


def _session_of(rows: Sequence[Row]) -> BrowserSession:
    """From one row for each project of the person."""
    first = rows[0]
    return BrowserSession(
        id=first["id"],
        person=Person(**{name: first[f"person_{name}"] for name in _PERSON}),
        method=SignInMethod(first["method"]),
        created_at=first["created_at"],
        used_at=first["used_at"],
        renewed_at=first["renewed_at"],
        expires_at=first["expires_at"],
        roles={row["project"]: ProjectRole(row["role"]) for row in rows if row["project"]},
    )
