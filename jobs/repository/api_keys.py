"""API keys: created, listed, revoked, and who holds those that are valid."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, and_, func, insert, or_, select, update

from imaging.errors import BadRequest, NotFound
from jobs.account import ApiKey, KeyHolder, Member, ProjectRole, checked_name, service_name
from jobs.key_secret import KeySecret
from jobs.repository.account_rows import (
    api_key_of,
    check_project,
    person_with,
    unknown_person,
)
from jobs.repository.database import Database
from jobs.repository.job_rows import chunks
from jobs.repository.pages import newest_first
from jobs.repository.schema.account_tables import api_keys, memberships, people

_MINUTE_S = 60
MAX_LIFETIME_S = 100 * 366 * 86_400.0


class ApiKeys:
    """The keys of all projects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        project: str,
        name: str,
        role: ProjectRole | None,
        *,
        login: str | None = None,
        lifetime_s: float | None = None,
    ) -> tuple[ApiKey, KeySecret]:
        """Creates a key and returns its secret, which cannot be read again.

        `role`: None for a person's key: the role of the person. `login`: the person who uses it;
        None: a service. `lifetime_s`: None: it does not expire. Raises BadRequest, and NotFound for
        an unknown project, or a person who is not in it.
        """
        _check_lifetime(lifetime_s)
        secret = KeySecret.new()
        name = checked_name(name)
        with self._database.write() as connection:
            check_project(connection, project)
            member = None if login is None else _member(connection, login, project)
            now = self._database.clock(connection)
            key = ApiKey(
                id=uuid4().hex,
                prefix=secret.prefix,
                name=name,
                login=login,
                project=project,
                role=role or _own_role(member),
                created_at=now,
                expires_at=None if lifetime_s is None else now + lifetime_s,
            )
            values = asdict(key) | {"secret_sha256": secret.sha256}
            values["person"] = member.person.id if member else None
            del values["login"]
            connection.execute(insert(api_keys).values(values))
        return key, secret

    def page(
        self, project: str | None, *, cursor: str | None = None, limit: int = 50
    ) -> tuple[list[ApiKey], str | None]:
        """A page of keys, newest first, and the cursor of the next page; None: all projects."""
        query = _with_people(select(api_keys, people.c.login))
        if project is not None:
            query = query.where(api_keys.c.project == project)
        with self._database.read() as connection:
            rows, following = newest_first(connection, query, api_keys, cursor, limit)
        return [api_key_of(row) for row in rows], following

    def revoke(self, project: str | None, key: str) -> str:
        """Makes a key, by its id or prefix, invalid for good; a revoked one stays so.

        Returns its id. Raises NotFound.
        """
        mine = or_(api_keys.c.id == key, api_keys.c.prefix == key)
        if project is not None:
            mine = and_(mine, api_keys.c.project == project)
        at = func.coalesce(api_keys.c.revoked_at, self._database.now)
        query = update(api_keys).where(mine).values(revoked_at=at).returning(api_keys.c.id)
        with self._database.write() as connection:
            revoked = connection.execute(query).scalar_one_or_none()
        if revoked is None:
            raise NotFound(
                "There is no such key.",
                hint="List the keys with `tessera keys list` or GET /v1/keys.",
            )
        return str(revoked)

    def holders(self) -> list[KeyHolder]:
        """Who holds the keys that are valid now.

        A key is valid until it expires or is revoked, and that of a person while the person is
        enabled and in the project.
        """
        mine = and_(
            memberships.c.person == api_keys.c.person,
            memberships.c.project == api_keys.c.project,
        )
        query = _with_people(
            select(
                api_keys,
                people.c.name.label("person_name"),
                memberships.c.role.label("own_role"),
            )
        ).outerjoin(memberships, mine)
        query = query.where(
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > self._database.now),
            or_(
                api_keys.c.person.is_(None),
                and_(people.c.disabled_at.is_(None), memberships.c.role.is_not(None)),
            ),
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            KeyHolder(
                key=row["id"],
                prefix=row["prefix"],
                secret_sha256=row["secret_sha256"],
                project=row["project"],
                roles=tuple(ProjectRole(r) for r in (row["role"], row["own_role"]) if r),
                reader=row["person_name"] or service_name(row["name"]),
                last_used_at=row["last_used_at"],
            )
            for row in rows
        ]

    def note_use(self, keys: Collection[str]) -> None:
        """Records that these keys, by id, are used now, to the minute."""
        for some in chunks(sorted(keys)):
            with self._database.write() as connection:
                minute = self._database.clock(connection) // _MINUTE_S * _MINUTE_S
                change = update(api_keys).where(api_keys.c.id.in_(some))
                connection.execute(change.values(last_used_at=minute))


def _check_lifetime(lifetime_s: float | None) -> None:
    if lifetime_s is not None and not 0 < lifetime_s <= MAX_LIFETIME_S:
        raise BadRequest(
            "The lifetime of the key is not valid.",
            expected="More than 0 seconds, and at most 100 years.",
            hint="Choose another lifetime, or none.",
        )


def _member(connection: Connection, login: str, project: str) -> Member:
    """The person in the project; raises NotFound."""
    person = person_with(connection, login)
    query = select(memberships.c.role).where(
        memberships.c.person == (person.id if person else ""), memberships.c.project == project
    )
    role = connection.execute(query).scalar_one_or_none()
    if person is None or role is None:
        raise unknown_person()
    return Member(person, project, ProjectRole(role))


def _own_role(member: Member | None) -> ProjectRole:
    if member is None:
        raise BadRequest(
            "A key of a service needs a role.",
            expected=f"A role: {', '.join(ProjectRole)}.",
            hint="State the role, or the user whose key it is.",
        )
    return member.role


def _with_people(query: "Select[Any]") -> "Select[Any]":
    return query.select_from(api_keys).outerjoin(people, people.c.id == api_keys.c.person)
