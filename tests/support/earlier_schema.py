"""A database as another version of Tessera left it."""

from collections.abc import Sequence
from contextlib import closing

from alembic import command
from sqlalchemy import create_engine, text

from jobs.repository import Repository
from jobs.repository.revision import migrations

SCAN_AND_JOB = (
    """INSERT INTO scans
       (id, project, sha256, name, format, shape, dtype, affine, bytes, warnings, created_at)
       VALUES ('s', 'ada', 'x', 'n', 'nifti', '[]', 'u1', '[]', 1, '[]', 1)""",
    """INSERT INTO jobs
       (id, project, model, model_version, model_sha256, options, priority, queue, voxels,
        state, attempt, fence, created_at, tiles_done, tiles_total, request)
       VALUES ('j', 'ada', 'm', '1', 'x', '{}', 5, 'cpu', 1, 'succeeded', 1, 1, 1, 0, 0, 'r')""",
)
"""A finished job of a scan, in the columns that every version has."""


def go_back(repository: Repository, revision: str, rows: Sequence[str]) -> None:
    """Gives an empty database the schema of the revision, and executes the statements there."""
    config = migrations()
    with repository.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        for statement in rows:
            connection.execute(text(statement))


def set_revision(url: str, *revisions: str) -> None:
    """Gives the database, whose tables are created if they are missing, these revisions.

    It is then one that a later version has changed so that this one cannot use it.
    """
    with closing(Repository(url)) as repository:
        repository.migrate()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE schema_support SET oldest_revision = 'later'"))
        connection.execute(text("DELETE FROM alembic_version"))
        for revision in revisions:
            connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision})
    engine.dispose()
