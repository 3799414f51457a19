"""People whom an OpenID provider knows: found by issuer and subject, added when they first come."""

from collections.abc import Mapping
from dataclasses import asdict
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from imaging.errors import Conflict
from jobs.account import Person, ProjectRole, checked_login, checked_name
from jobs.identity import Access, Identity, marked_login
from jobs.repository.account_rows import person_of, person_with, unknown_person
from jobs.repository.database import Database
from jobs.repository.passwords import end_credentials, end_links
from jobs.repository.rows import Row
from jobs.repository.schema.account_tables import identities, memberships, people, projects
from jobs.second_reading import reader_key


class Identities:
    """The people of all providers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, identity: Identity) -> Access | None:
        """Who it is, and the present roles; None for somebody unknown or disabled."""
        with self._database.read() as connection:
            row = _row(connection, identity)
            if row is None or row["disabled_at"] is not None:
                return None
            person = person_of(row)
            return Access(person, _roles(connection, person.id))

    def add(self, identity: Identity, login: str, name: str) -> Person:
        """Adds a person with these names, or with similar ones if other people have them.

        Returns the known person of the identity, whatever the names. People of the service are
        never joined with an identity by their names: anybody could take these at a provider.
        Raises BadRequest for names that no person may have.
        """
        checked_login(login)
        name = checked_name(name)

        def transaction(connection: Connection) -> Person:
            known = _row(connection, identity)
            if known is not None:
                return person_of(known)
            person = self._insert(connection, identity, login, name)
            self._insert_identity(connection, identity, person)
            return person

        return self._database.repeat_after_race(transaction)

    def link(self, identity: Identity, login: str) -> None:
        """Lets a known user, by login name, sign in as an identity. Links that set a password end.

        Raises NotFound, and Conflict if the identity is a user already.
        """

        def transaction(connection: Connection) -> None:
            if _row(connection, identity) is not None:
                raise Conflict(
                    "Somebody has signed in with this subject already, and is another user.",
                    expected="A subject that has not signed in here.",
                    hint="Link users before they sign in with the provider.",
                )
            person = person_with(connection, login)
            if person is None:
                raise unknown_person()
            end_links(self._database, connection, person.id)
            self._insert_identity(connection, identity, person)

        self._database.repeat_after_race(transaction)

    def set_roles(
        self, identity: Identity, roles: Mapping[str, ProjectRole], at: float
    ) -> list[str]:
        """Makes these the roles of a person in all projects, and returns the projects where they
        changed.

        `roles`: by projects; those that do not exist are left out. `at`: when the provider said so;
        what it said later stays.
        """

        def transaction(connection: Connection) -> list[str]:
            mine = _is(identity)
            newer = and_(mine, identities.c.roles_at <= at)
            change = update(identities).where(newer).values(roles_at=at)
            person = connection.execute(change.returning(identities.c.person)).scalar()
            if person is None:
                return []
            return self._replace_roles(connection, person, roles)

        return self._database.repeat_after_race(transaction)

    def _replace_roles(
        self, connection: Connection, person: str, roles: Mapping[str, ProjectRole]
    ) -> list[str]:
        before = _roles(connection, person)
        existing = select(projects.c.name).where(projects.c.name.in_(roles))
        after = {name: roles[name] for name in connection.execute(existing).scalars()}
        changed = sorted(name for name in before | after if before.get(name) != after.get(name))
        if not after.keys() <= before.keys():
            end_credentials(self._database, connection, person)
        for project in changed:
            own = and_(memberships.c.person == person, memberships.c.project == project)
            connection.execute(delete(memberships).where(own))
            if project in after:
                row = {"person": person, "project": project, "role": after[project]}
                row["created_at"] = self._database.clock(connection)
                connection.execute(insert(memberships).values(row))
        return changed

    def _insert_identity(self, connection: Connection, identity: Identity, person: Person) -> None:
        values = {**asdict(identity), "person": person.id, "roles_at": 0.0}
        connection.execute(insert(identities).values(values))

    def _insert(self, connection: Connection, identity: Identity, login: str, name: str) -> Person:
        if connection.execute(select(exists().where(people.c.login == login))).scalar():
            login = marked_login(login, identity.mark)
        key = reader_key(name)
        if connection.execute(select(exists().where(people.c.name_key == key))).scalar():
            name = f"{name[:30]} ({login})"
        person = Person(uuid4().hex, login, name, self._database.clock(connection))
        values = asdict(person) | {"name_key": reader_key(name)}
        connection.execute(insert(people).values(values))
        return person


def _is(identity: Identity) -> ColumnElement[bool]:
    return and_(identities.c.issuer == identity.issuer, identities.c.subject == identity.subject)


def _row(connection: Connection, identity: Identity) -> Row | None:
    query = select(people).join(identities, identities.c.person == people.c.id)
    return connection.execute(query.where(_is(identity))).mappings().one_or_none()


def _roles(connection: Connection, person: str) -> dict[str, ProjectRole]:
    query = select(memberships.c.project, memberships.c.role)
    query = query.where(memberships.c.person == person).order_by(memberships.c.project)
    return {row.project: ProjectRole(row.role) for row in connection.execute(query)}
