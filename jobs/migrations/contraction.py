"""A migration that earlier versions do not survive, such as one that drops a column."""

from alembic import op
from sqlalchemy import Connection, text

from imaging.errors import BadRequest

_SILENT_S = 60.0
"""A worker that has not announced itself for this long has ended or is lost."""
_CLOCKS = {
    "sqlite": "CAST(strftime('%s', 'now') AS REAL)",
    "postgresql": "extract(epoch FROM clock_timestamp())",
}


def contract(oldest_revision: str, oldest_version: str) -> None:
    """To be called first in `upgrade` of a migration that contracts the schema.

    Records that the database can be used only by code that knows `oldest_revision`, which is part
    of Tessera from `oldest_version` on: code that no longer uses what goes. Raises BadRequest, and
    so keeps the schema, while a worker with earlier code runs.
    """
    connection = op.get_bind()
    older = _older_workers(connection, oldest_revision)
    if older:
        raise BadRequest(
            f"Workers of an earlier version still run: {', '.join(older)}.",
            expected=f"No worker or gateway of a version before {oldest_version}.",
            hint="Stop or update them, then start this version again.",
        )
    connection.execute(
        text("UPDATE schema_support SET oldest_revision = :revision, oldest_version = :version"),
        {"revision": oldest_revision, "version": oldest_version},
    )


def _older_workers(connection: Connection, oldest_revision: str) -> list[str]:
    """Names and versions of workers that announce an earlier revision than this, or none."""
    environment = op.get_context().environment_context
    assert environment is not None  # noqa: S101 - set while migrations run
    scripts = environment.script.iterate_revisions("heads", oldest_revision, inclusive=True)
    new_enough = {script.revision for script in scripts}
    clock = _CLOCKS[connection.dialect.name]
    query = text("SELECT name, version, revision FROM workers WHERE seen_at > :since ORDER BY name")
    now = connection.execute(text(f"SELECT {clock}")).scalar_one()
    rows = connection.execute(query, {"since": float(now) - _SILENT_S})
    return [f"{row.name} ({row.version})" for row in rows if row.revision not in new_enough]
