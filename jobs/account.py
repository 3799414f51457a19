"""Accounts: projects, people, their roles in projects, API keys, and DICOM senders.

A project owns scans and everything made of them. People and keys act in a project with a role;
`service.auth.role` says what each role may do. Times are seconds since the epoch.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from imaging.errors import BadRequest

FIRST_PROJECT = "local"
"""The project that every installation has; without accounts, everything belongs to it."""
KEY_PREFIX = "tsk_"
_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NAME_LENGTH = 100
_SERVICE = " (service)"


class ProjectRole(StrEnum):
    """What somebody is in a project, from the fewest permissions to all."""

    VIEWER = "viewer"
    UPLOADER = "uploader"
    READER = "reader"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Project:
    """A project."""

    name: str
    created_at: float


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the service, in any number of projects."""

    id: str
    login: str
    """Unique, and no e-mail address: it is written to logs."""
    name: str
    """Unique; it is shown in reviews."""
    created_at: float = 0.0
    disabled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one project."""

    person: Person
    project: str
    role: ProjectRole


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret."""

    id: str
    prefix: str
    """The random characters at its beginning, by which people recognise it."""
    name: str
    """What it is for."""
    login: str | None
    """The person who uses it; None: a service does."""
    project: str
    role: ProjectRole
    created_at: float = 0.0
    expires_at: float | None = None
    revoked_at: float | None = None
    last_used_at: float | None = None
    """To the minute."""

    @property
    def shown(self) -> str:
        """The beginning of the key."""
        return f"{KEY_PREFIX}{self.prefix}"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Who uses a key that is valid now, and what a gateway needs to know of the key."""

    key: str
    """Id of the key."""
    prefix: str
    secret_sha256: str
    project: str
    roles: tuple[ProjectRole, ...]
    """The role of the key and, for a person's key, of the person: what both allow is allowed."""
    reader: str
    """Name in reviews."""
    last_used_at: float | None


@dataclass(frozen=True, slots=True)
class DicomSender:
    """What an AE title may do that calls by C-STORE."""

    ae_title: str
    project: str
    role: ProjectRole
    created_at: float = 0.0


def checked_project(name: str) -> str:
    """The name, if a project may have it; else raises BadRequest."""
    return _matching(name, _PROJECT, "name of a project", "hyphens")


def checked_login(login: str) -> str:
    """The login name, if a person may have it; else raises BadRequest."""
    return _matching(login, _LOGIN, "login name", "dots, hyphens and underscores")


def checked_name(name: str) -> str:
    """The name of a person or a key without surplus spaces; raises BadRequest."""
    name = " ".join(name.split())
    if not name or len(name) > _NAME_LENGTH or not name.isprintable():
        raise BadRequest(
            "The name is empty, too long, or has control characters.",
            expected=f"1 to {_NAME_LENGTH} printable characters.",
            hint="Choose another name.",
        )
    if name.casefold().endswith(_SERVICE):
        raise BadRequest(
            f"The name ends in {_SERVICE.strip()}, as the names of services in reviews do.",
            expected="A name without this ending.",
            hint="Choose another name.",
        )
    return name


def service_name(key_name: str) -> str:
    """The name in reviews of a service with a key; no person has such a name."""
    return key_name + _SERVICE


def _matching(text: str, pattern: re.Pattern[str], what: str, marks: str) -> str:
    if pattern.fullmatch(text):
        return text
    raise BadRequest(
        f"This is not a valid {what}.",
        expected=f"1 to 63 small letters (a to z), digits, {marks}, with a letter or digit first.",
        hint="Choose another one.",
    )
