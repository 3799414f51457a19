"""Projects and people: who is in which project with which role."""

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, or_, select, update

from imaging.errors import Conflict
from jobs.account import (
    Member,
    Person,
    Project,
    ProjectRole,
    checked_login,
    checked_name,
    checked_project,
)
from jobs.identity import Access
from jobs.repository.account_rows import check_project, person_of, person_with, unknown_person
from jobs.repository.browser_sessions import end_sessions
from jobs.repository.database import Database
from jobs.repository.passwords import end_credentials
from jobs.repository.rows import Row
from jobs.repository.schema.account_tables import api_keys, memberships, people, projects
from jobs.second_reading import reader_key


class Accounts:
    """Projects and people of the service."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def exist(self) -> bool:
        """Whether there is, or ever was, a person or a key: then every caller needs one."""
        query = select(or_(exists(select(people.c.id)), exists(select(api_keys.c.seq))))
        with self._database.read() as connection:
            return bool(connection.execute(query).scalar_one())

    def add_project(self, name: str) -> Project:
        """Adds a project; raises BadRequest for a bad name, Conflict if it exists."""
        checked_project(name)

        def transaction(connection: Connection) -> Project:
            if connection.execute(select(projects).where(projects.c.name == name)).first():
                raise Conflict(
                    "There is a project of this name.",
                    expected="A new name.",
                    hint="Use the project, or choose another name.",
                )
            project = Project(name, self._database.clock(connection))
            connection.execute(insert(projects).values(asdict(project)))
            return project

        return self._database.repeat_after_race(transaction)

    def check_project(self, name: str) -> None:
        """Raises NotFound if there is no such project."""
        with self._database.read() as connection:
            check_project(connection, name)

    def projects(self) -> list[Project]:
        """All projects, by name."""
        with self._database.read() as connection:
            rows = connection.execute(select(projects).order_by(projects.c.name))
            return [Project(row.name, row.created_at) for row in rows]

    def add_member(
        self, login: str, name: str, project: str, role: ProjectRole, *, join: bool = False
    ) -> Member:
        """Adds a person to a project. Both names together may be those of a known person, whose
        password, sessions and links end.

        `join`: also a person of other projects. Without it, such a person's names are taken, as
        they are for a stranger: the administrator of a project finds out nothing else.
        Raises BadRequest for bad names, NotFound for an unknown project, and Conflict if the names
        are taken, or if the person is in the project already.
        """
        checked_login(login)
        name = checked_name(name)

        def transaction(connection: Connection) -> Member:
            check_project(connection, project)
            person = self._person(connection, login, name)
            mine = _membership(person.id, project)
            if connection.execute(select(memberships.c.role).where(mine)).first():
                raise Conflict(
                    "This user is in the project already.",
                    expected="A user who is not in the project.",
                    hint="Change the role instead.",
                )
            elsewhere = select(memberships.c.project).where(memberships.c.person == person.id)
            if not join and connection.execute(elsewhere).first():
                raise _taken()
            self._insert_membership(connection, person.id, project, role)
            return Member(person, project, role)

        return self._database.repeat_after_race(transaction)

    def people(self) -> list[tuple[Person, list[Member]]]:
        """All people by login name, each with what they are in their projects."""
        with self._database.read() as connection:
            query = select(people).order_by(people.c.login)
            everybody = [person_of(row) for row in connection.execute(query).mappings()]
        members = self.members(None)
        return [(one, [m for m in members if m.person.id == one.id]) for one in everybody]

    def active(self) -> list[Access]:
        """All people who are not disabled, by login name, also those in no project."""
        query = (
            select(people, memberships.c.project, memberships.c.role)
            .outerjoin(memberships, memberships.c.person == people.c.id)
            .where(people.c.disabled_at.is_(None))
            .order_by(people.c.login, memberships.c.project)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [Access(person, _roles(own)) for person, own in groupby(rows, person_of)]

    def members(self, project: str | None) -> list[Member]:
        """The people in a project by login name; None: in all projects."""
        query = select(people, memberships.c.project, memberships.c.role)
        query = query.join(memberships, memberships.c.person == people.c.id)
        if project is not None:
            query = query.where(memberships.c.project == project)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(people.c.login, memberships.c.project))
            return [
                Member(person_of(row), row["project"], ProjectRole(row["role"]))
                for row in rows.mappings()
            ]

    def has_person(self, login: str) -> bool:
        """Whether somebody has this login name."""
        with self._database.read() as connection:
            return person_with(connection, login) is not None

    def set_role(
        self,
        login: str,
        project: str,
        role: ProjectRole | None,
        *,
        join: bool = False,
        keep_administrator: bool = False,
    ) -> bool:
        """Changes the role of a person in a project; None: removes the person from it.

        `join`: also a person who is not in the project. Then the result is True, and the password,
        the sessions and links of the person end. `keep_administrator`: the last administrator of
        the project keeps the role. Raises NotFound, and Conflict for the last administrator.
        """

        def transaction(connection: Connection) -> bool:
            check_project(connection, project)
            person = person_with(connection, login, None if join else project)
            if person is None:
                raise unknown_person()
            if keep_administrator and role is not ProjectRole.ADMINISTRATOR:
                self._check_not_last(connection, person.id, project)
            mine = _membership(person.id, project)
            change = (
                delete(memberships).where(mine)
                if role is None
                else update(memberships).where(mine).values(role=role)
            )
            if connection.execute(change).rowcount:
                return False
            if not join or role is None:
                raise unknown_person()
            self._insert_membership(connection, person.id, project, role)
            return True

        return self._database.repeat_after_race(transaction)

    def set_disabled(self, login: str, *, disabled: bool) -> None:
        """Whether a person may use the service, in all projects. Disabling ends the sessions of the
        person. Raises NotFound."""
        with self._database.write() as connection:
            at = self._database.now if disabled else None
            change = update(people).where(people.c.login == login).values(disabled_at=at)
            person = connection.execute(change.returning(people.c.id)).scalar_one_or_none()
            if person is None:
                raise unknown_person()
            if disabled:
                end_sessions(connection, person)

    def _person(self, connection: Connection, login: str, name: str) -> Person:
        """The person of both names, added if neither is known."""
        key = reader_key(name)
        same = or_(people.c.login == login, people.c.name_key == key)
        rows = connection.execute(select(people).where(same)).mappings().all()
        if [(row["login"], row["name_key"]) for row in rows] == [(login, key)]:
            return person_of(rows[0])
        if rows:
            raise _taken()
        person = Person(uuid4().hex, login, name, self._database.clock(connection))
        connection.execute(insert(people).values(asdict(person) | {"name_key": key}))
        return person

    def _check_not_last(self, connection: Connection, person: str, project: str) -> None:
        """Raises Conflict if the person, by id, is the project's only administrator."""
        self._database.lock(connection, f"administrators of {project}")
        query = select(memberships.c.person).join(people)
        query = query.where(
            memberships.c.project == project,
            memberships.c.role == ProjectRole.ADMINISTRATOR,
            or_(people.c.disabled_at.is_(None), people.c.id == person),
        )
        if connection.execute(query).scalars().all() == [person]:
            raise Conflict(
                "This user is the only administrator of the project.",
                expected="A project that keeps an administrator.",
                hint="Make another user administrator first. Who runs the service can do it with "
                "`tessera users role` and `tessera users remove`.",
            )

    def _insert_membership(
        self, connection: Connection, person: str, project: str, role: ProjectRole
    ) -> None:
        end_credentials(self._database, connection, person)
        now = self._database.clock(connection)
        values = {"person": person, "project": project, "role": role, "created_at": now}
        connection.execute(insert(memberships).values(values))


def _taken() -> Conflict:
    return Conflict(
        "Another user of the service has this login name or this name.",
        expected="Two new names, or both names of a user who is in no project.",
        hint="Choose another name. Who runs the service adds a user of another project with "
        "`tessera users role`.",
    )


def _roles(rows: Iterable[Row]) -> dict[str, ProjectRole]:
    """From one row for each project of a person."""
    return {row["project"]: ProjectRole(row["role"]) for row in rows if row["project"]}


def _membership(person: str, project: str) -> ColumnElement[bool]:
    return and_(memberships.c.person == person, memberships.c.project == project)
