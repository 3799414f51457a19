"""A database as an earlier version of Tessera left it."""

from collections.abc import Sequence

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from jobs.repository import Repository
from jobs.repository.database import MIGRATIONS

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
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with repository.database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        for statement in rows:
            connection.execute(text(statement))
