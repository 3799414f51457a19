"""The database of a service that has run."""

from imaging.errors import BadRequest
from jobs.settings import Settings


def check_database_exists(settings: Settings) -> None:
    """Raises BadRequest if the settings name an SQLite database that does not exist."""
    if settings.database_url or (settings.data / "tessera.db").exists():
        return
    raise BadRequest(
        "There is no database in the data folder.",
        expected="The data folder of a gateway that has run.",
        hint="Set TESSERA_DATA or TESSERA_DATABASE_URL to the gateway's value.",
    )
