"""What repositories of accounts share: rows as dataclasses, and rows that must exist."""

from sqlalchemy import Connection, select

from imaging.errors import Forbidden, NotFound
from jobs.account import ApiKey, Person, ProjectRole
from jobs.repository.rows import Row
from jobs.repository.schema.account_tables import memberships, people, projects


def person_of(row: Row) -> Person:
    """The person of a row of `people`."""
    return Person(**{name: row[name] for name in Person.__dataclass_fields__})


def api_key_of(row: Row) -> ApiKey:
    """The key of a row of `api_keys` with the login name of its person."""
    values = {name: row[name] for name in ApiKey.__dataclass_fields__}
    return ApiKey(**values | {"role": ProjectRole(row["role"])})


def check_project(connection: Connection, project: str) -> None:
    """Raises NotFound if there is no such project."""
    query = select(projects.c.name).where(projects.c.name == project)
    if connection.execute(query).first() is None:
        raise NotFound(
            "There is no such project.",
            expected="A project that `tessera projects list` shows.",
            hint="Create it with `tessera projects add`.",
        )


def person_with(connection: Connection, login: str, project: str | None = None) -> Person | None:
    """The person with this login name; None if there is none.

    `project`: one that the person must be in. Somebody of another project costs as much as nobody.
    """
    query = select(people).where(people.c.login == login)
    if project is not None:
        query = query.join(memberships).where(memberships.c.project == project)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else person_of(row)


def check_only_in(connection: Connection, person: str, project: str, command: str) -> None:
    """Raises Forbidden if a person, by id, is in other projects than this one, too: what its
    administrator wants would reach into them. `command`: by which the service's operator does it.
    """
    query = select(memberships.c.project).where(memberships.c.person == person)
    if set(connection.execute(query).scalars()) != {project}:
        raise Forbidden(
            "The user is in other projects, too, which are not yours to manage.",
            expected="A user of this project alone.",
            hint=f"Who runs the service can do this with `{command}`.",
        )


def unknown_person() -> NotFound:
    """There is no such person, as far as the caller may know."""
    return NotFound(
        "There is no such user.",
        expected="The login name of a user of this project.",
        hint="List the users with `tessera users list` or GET /v1/users.",
    )
