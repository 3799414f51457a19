"""API keys, and the users of a project."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from jobs.account import ProjectRole
from service.schemas.fields import Identifier, Text, Wire

KeyId = Annotated[Identifier, Field(description="Id of the key.")]
Login = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Login name of the user."),
]
_Name = Annotated[Text, Field(min_length=1, max_length=100)]


class KeyIn(Wire):
    """A key to create in the caller's project."""

    name: _Name
    """What the key is for."""
    role: ProjectRole | None = None
    """What may be done with it; null for a user's key: the role of the user."""
    user: Login | None = None
    """The user whose key it is; null: a service uses it. A user's key never allows more than the
    role of the user."""
    expires_in_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """Lifetime in seconds; null: it does not expire."""


class KeyOut(Wire):
    """An API key without its secret."""

    id: str
    prefix: str
    """The beginning of the key, by which people recognise it."""
    name: str
    user: str | None
    """Login name of the user whose key it is; null: a service uses it."""
    role: ProjectRole
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    """To the minute; null: never."""


class NewKeyOut(KeyOut):
    """A new API key. This is the only response that has its secret."""

    key: str
    """The key as clients send it: `Authorization: Bearer KEY`."""


class KeyPage(Wire):
    """One page of keys."""

    keys: list[KeyOut]
    next_cursor: str | None = None


class UserIn(Wire):
    """A user to add to the caller's project.

    A user of another project is added by the same login name and the same name.
    """

    login: Login
    name: _Name
    """Name in reviews, unique in the service."""
    role: ProjectRole


class RoleIn(Wire):
    """The role of a user in the caller's project."""

    role: ProjectRole


class UserOut(Wire):
    """A user of the caller's project."""

    login: str
    name: str
    role: ProjectRole
    disabled: bool
    """Whether the user may not use the service, in all projects."""


class SetupLinkOut(Wire):
    """A link with which a user chooses a password; no other response has its secret."""

    link: str
    """Secret of the link. The user opens the page at `#setup=LINK&user=LOGIN`."""
    expires_at: datetime


class UsersOut(Wire):
    """The users of the caller's project, by login name."""

    users: list[UserOut]
