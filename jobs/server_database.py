"""The database of this machine's settings, for commands that work beside gateways."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from imaging.errors import BadRequest
from jobs.private_files import keep_private
from jobs.repository import Repository
from jobs.settings import Settings


def has_database(settings: Settings) -> bool:
    """Whether there is a database: a URL is set, or a gateway has made the file."""
    return bool(settings.database_url) or (settings.data / "tessera.db").exists()


def check_database_exists(settings: Settings) -> None:
    """Raises BadRequest if there is no database."""
    if not has_database(settings):
        raise BadRequest(
            "There is no database in the data folder.",
            expected="The data folder of a gateway that has run.",
            hint="Set TESSERA_DATA or TESSERA_DATABASE_URL to the gateway's value.",
        )


@contextmanager
def server_database(settings: Settings, *, create: bool = False) -> Iterator[Repository]:
    """The gateways' database, upgraded to this version; closed at the end of the block.

    `create`: also if there is none. Raises BadRequest.
    """
    if not create:
        check_database_exists(settings)
    elif not has_database(settings):
        keep_private(settings.data)
    with closing(Repository(settings.database, settings.database_timeout_s)) as repository:
        repository.migrate()
        yield repository
