"""Passwords of people, as hashes, and the links with which people set them."""

from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from imaging.errors import Forbidden, NotFound
from jobs.account import Person
from jobs.browser_session import SignInMethod
from jobs.random_secret import new_secret, sha256_of
from jobs.repository.account_rows import check_only_in, person_of, person_with, unknown_person
from jobs.repository.browser_sessions import end_sessions, lock_credentials, session_ended
from jobs.repository.database import Database
from jobs.repository.schema.account_tables import identities, people
from jobs.repository.schema.sign_in_tables import (
    browser_sessions,
    known_browsers,
    passwords,
    setup_links,
)


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """Somebody's password."""

    person: Person
    hash: str
    """With its parameters and salt."""


@dataclass(frozen=True, slots=True)
class SetupLink:
    """A link with which a person sets a password, once."""

    secret: str = field(repr=False)
    expires_at: float


class Passwords:
    """The passwords of all people, and links that set them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, login: str) -> StoredPassword | None:
        """The password of somebody who may use the service; None if there is none."""
        query = (
            select(people, passwords.c.hash)
            .join(passwords, passwords.c.person == people.c.id)
            .where(people.c.login == login, people.c.disabled_at.is_(None))
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else StoredPassword(person_of(row), row["hash"])

    def change(self, person: str, hash_: str, session: str) -> None:
        """Replaces the password of a person, by id, and ends all sessions but this one, by id.

        Raises Unauthenticated if this one has ended meanwhile.
        """

        def transaction(connection: Connection) -> None:
            lock_credentials(self._database, connection, person)
            mine = and_(browser_sessions.c.id == session, browser_sessions.c.person == person)
            if connection.execute(select(browser_sessions.c.id).where(mine)).first() is None:
                raise session_ended()
            self._set(connection, person, hash_, but=session)

        self._database.repeat_after_race(transaction)

    def rehash(self, person: str, old: str, new: str) -> None:
        """Replaces the hash of the same password, unless the password was changed meanwhile."""
        same = and_(passwords.c.person == person, passwords.c.hash == old)
        with self._database.write() as connection:
            connection.execute(update(passwords).where(same).values(hash=new))

    def invite(self, login: str, lifetime_s: float, *, only_in: str | None = None) -> SetupLink:
        """Creates a link for a person; earlier ones of the person are no longer valid.

        `only_in`: who asks administers this project alone. Then the person must be in it, and in no
        other one: with the link, somebody else could act there. Nor may an OpenID provider know the
        person: it can give roles in other projects at any time. Raises NotFound, Forbidden.
        """
        secret = new_secret()

        def transaction(connection: Connection) -> SetupLink:
            person = person_with(connection, login, only_in)
            if person is None:
                raise unknown_person()
            end_links(self._database, connection, person.id)
            if only_in is not None:
                check_only_in(connection, person.id, only_in, "tessera users invite")
                _check_not_identified(connection, person.id)
            now = self._database.clock(connection)
            stale = setup_links.c.expires_at <= now
            connection.execute(delete(setup_links).where(stale))
            row = {
                "person": person.id,
                "secret_sha256": sha256_of(secret),
                "created_at": now,
                "expires_at": now + lifetime_s,
            }
            connection.execute(insert(setup_links).values(row))
            return SetupLink(secret, now + lifetime_s)

        return self._database.repeat_after_race(transaction)

    def invited(self, secret: str) -> Person:
        """Whose link this is; raises NotFound if it is not valid any more."""
        query = select(people).join(setup_links).where(self._valid(secret))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise _no_link()
        return person_of(row)

    def set_by_link(self, secret: str, hash_: str) -> Person:
        """Sets the password of the person whose link this is, and ends all of their sessions. The
        link works once. Raises NotFound."""

        def transaction(connection: Connection) -> Person:
            query = select(people).join(setup_links).where(self._valid(secret))
            row = connection.execute(query).mappings().one_or_none()
            own = setup_links.c.secret_sha256 == sha256_of(secret)
            if row is None or not connection.execute(delete(setup_links).where(own)).rowcount:
                raise _no_link()
            self._set(connection, row["id"], hash_)
            return person_of(row)

        return self._database.repeat_after_race(transaction)

    def _set(self, connection: Connection, person: str, hash_: str, *, but: str = "") -> None:
        own = passwords.c.person == person
        values = {"hash": hash_, "set_at": self._database.clock(connection)}
        if not connection.execute(update(passwords).where(own).values(values)).rowcount:
            connection.execute(insert(passwords).values(values | {"person": person}))
        connection.execute(delete(setup_links).where(setup_links.c.person == person))
        connection.execute(delete(known_browsers).where(known_browsers.c.person == person))
        end_sessions(connection, person, but=but)

    def _valid(self, secret: str) -> ColumnElement[bool]:
        return and_(
            setup_links.c.secret_sha256 == sha256_of(secret),
            setup_links.c.expires_at > self._database.now,
            people.c.disabled_at.is_(None),
        )


def end_links(database: Database, connection: Connection, person: str) -> None:
    """The links of a person, by id, are no longer valid, also one that is being created."""
    lock_credentials(database, connection, person)
    connection.execute(delete(setup_links).where(setup_links.c.person == person))


def end_credentials(database: Database, connection: Connection, person: str) -> None:
    """Ends the password of a person, by id, its sessions, known browsers and setup links.

    So it is when the person joins a project: an administrator of another one may have chosen the
    password, or have a link, which would open this project, too. Sessions that an OpenID provider
    vouches for go on, and keys open their own project alone.
    """
    end_links(database, connection, person)
    for table in (passwords, known_browsers):
        connection.execute(delete(table).where(table.c.person == person))
    by_password = and_(
        browser_sessions.c.person == person, browser_sessions.c.method == SignInMethod.PASSWORD
    )
    connection.execute(delete(browser_sessions).where(by_password))


def _check_not_identified(connection: Connection, person: str) -> None:
    known = select(exists().where(identities.c.person == person))
    if connection.execute(known).scalar_one():
        raise Forbidden(
            "The user signs in with the OpenID provider, and needs no password.",
            expected="A user whom no provider knows.",
            hint="Who runs the service can create the link with `tessera users invite`.",
        )


def _no_link() -> NotFound:
    return NotFound(
        "This link is not valid any more.",
        expected="The newest link for you, which works once and for a limited time.",
        hint="Ask an administrator for a new link.",
    )
