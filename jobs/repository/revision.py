"""Which databases this version can use.

Migrations expand the schema: code of an earlier revision works with it, too. One that contracts it
records, in `schema_support`, the earliest revision whose code still works. So code can tell whether
it may use a database whose revision it does not know.
"""

from functools import cache
from importlib.metadata import version
from pathlib import Path

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Row, inspect, select

from imaging.errors import BadRequest
from jobs.repository.schema import metadata
from jobs.repository.schema.support_table import schema_support

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def migrations() -> Config:
    """Alembic's configuration."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions of this code, the newest first."""
    scripts = ScriptDirectory.from_config(migrations()).walk_revisions()
    return tuple(script.revision for script in scripts)


def revision_of(connection: Connection) -> str | None:
    """The revision of the schema; None for a database without one, or with several."""
    heads = MigrationContext.configure(connection).get_current_heads()
    return heads[0] if len(heads) == 1 else None


def to_be_upgraded(connection: Connection) -> bool:
    """Whether this code may migrate the database: it is empty, or of a revision that it knows.

    False: it is of a later revision that serves this code as it is. Raises BadRequest if it is
    neither.
    """
    revisions = MigrationContext.configure(connection).get_current_heads()
    if len(revisions) == 1 and revisions[0] in known_revisions():
        return True
    tables = set(metadata.tables).intersection(inspect(connection).get_table_names())
    if not revisions and not tables:
        return True
    if len(revisions) != 1 or schema_support.name not in tables:
        raise BadRequest(
            "The database was created by another version of Tessera, probably a later one, or by "
            "another program.",
            expected="A database of this version, or of a version that it can update.",
            hint="Start the version that created it, or set TESSERA_DATA or TESSERA_DATABASE_URL "
            "to a new database.",
        )
    check_support(connection)
    return False


def check_support(connection: Connection) -> None:
    """Raises BadRequest if a later version has contracted the schema so that this code fails."""
    oldest: Row[str, str] = connection.execute(select(schema_support)).one()
    if oldest.oldest_revision not in known_revisions():
        raise BadRequest(
            f"Another version of Tessera has changed the database, which this version "
            f"({version('tessera-seg')}) can no longer use.",
            expected=f"Tessera {oldest.oldest_version} or later.",
            hint="Start that version, or restore the backup from before the update.",
        )
