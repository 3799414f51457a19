"""What the commands of accounts share: options, and the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from jobs.account import FIRST_PROJECT, ProjectRole
from jobs.settings import Settings

if TYPE_CHECKING:  # it loads SQLAlchemy
    from jobs.repository import Repository

ROLES = click.Choice([role.value for role in ProjectRole])
project_option = click.option(
    "--project",
    default=FIRST_PROJECT,
    show_default=True,
    metavar="NAME",
    help="Name of the project.",
)


@contextmanager
def accounts_database() -> Iterator["Repository"]:
    """The database that TESSERA_DATA or TESSERA_DATABASE_URL names; created if there is none."""
    from jobs.server_database import server_database

    with server_database(Settings(), create=True) as repository:
        yield repository


def shown_time(seconds: float | None, never: str = "-") -> str:
    """A time in UTC to the minute."""
    if seconds is None:
        return never
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%MZ")
