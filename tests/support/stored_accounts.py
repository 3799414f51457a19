"""A database with two projects, and keys of every role and in every state."""

import base64
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update

from jobs.account import ProjectRole
from jobs.repository import Repository
from jobs.repository.schema.account_tables import api_keys
from jobs.settings import Settings
from tests.support.migrated import migrated

OTHER = "other"
"""The second project; the first is `local`."""


@dataclass(frozen=True)
class StoredKeys:
    """Keys as headers of requests."""

    of_role: dict[ProjectRole, dict[str, str]]
    """In the project `local`."""
    other: dict[str, str]
    """Of an administrator in the other project."""
    person: dict[str, str]
    """Of R1, a reader, in `local`."""
    invalid: dict[str, dict[str, str]]
    """By what is wrong with them."""


def bearer(key: str) -> dict[str, str]:
    """The header with a key."""
    return {"Authorization": f"Bearer {key}"}


def basic(key: str, user: str = "x") -> dict[str, str]:
    """The header with a key as the password of HTTP basic."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{key}'.encode()).decode()}"}


def stored_keys(settings: Settings) -> StoredKeys:
    """Makes an empty database with accounts for an application with these settings."""
    with closing(migrated(settings.database)) as repository:
        repository.accounts.add_project(OTHER)
        repository.accounts.add_member("r1", "R1", "local", ProjectRole.READER)
        repository.accounts.add_member("r2", "R2", "local", ProjectRole.READER)
        repository.accounts.set_disabled("r2", disabled=True)
        return StoredKeys(
            of_role={role: _key(repository, role) for role in ProjectRole},
            other=_key(repository, ProjectRole.ADMINISTRATOR, OTHER),
            person=_key(repository, None, login="r1"),
            invalid={
                "missing": {},
                "wrong": _changed(_key(repository, ProjectRole.ADMINISTRATOR)),
                "unknown": bearer("tsk_00000000_" + "a" * 43),
                "malformed": bearer("secret"),
                "another scheme": {"Authorization": "Digest a"},
                "malformed password": {"Authorization": "Basic %%"},
                "expired": _spoiled(repository, expires_at=1.0),
                "revoked": _spoiled(repository, revoked_at=1.0),
                "of a disabled person": _key(repository, None, login="r2"),
            },
        )


def settings_in(folder: Path) -> Settings:
    """Settings of a gateway that needs no other process."""
    return Settings(data=folder / "data", broker_url="file://")


def _key(
    repository: Repository,
    role: ProjectRole | None,
    project: str = "local",
    login: str | None = None,
) -> dict[str, str]:
    _, secret = repository.api_keys.create(project, "test", role, login=login)
    return bearer(secret.text)


def _spoiled(repository: Repository, **values: float) -> dict[str, str]:
    key, secret = repository.api_keys.create("local", "spoiled", ProjectRole.ADMINISTRATOR)
    with repository.database.write() as connection:
        connection.execute(update(api_keys).where(api_keys.c.id == key.id).values(values))
    return bearer(secret.text)


def _changed(header: dict[str, str]) -> dict[str, str]:
    """With another last character."""
    text = header["Authorization"]
    return {"Authorization": text[:-2] + ("AA" if text[-2:] != "AA" else "BB")}
