"""Tessera's code with one more migration, as a later version has it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.repository import revision

_MIGRATION = """
import sqlalchemy as sa
from alembic import op
from jobs.migrations.contraction import contract

revision = "later"
down_revision = "{newest}"


def upgrade():
    {upgrade}
"""


@contextmanager
def later_version(folder: Path, upgrade: str) -> Iterator[None]:
    """Inside, this process's code has one more migration, `later`, whose upgrade is this Python."""
    newest = revision.known_revisions()[0]
    scripts = folder / "later-migrations"
    shutil.copytree(revision.MIGRATIONS, scripts, dirs_exist_ok=True)
    text = _MIGRATION.format(newest=newest, upgrade=upgrade.replace("\n", "\n    "))
    (scripts / "versions" / "later.py").write_text(text)
    with _code_with(scripts):
        yield


@contextmanager
def _code_with(scripts: Path) -> Iterator[None]:
    own = revision.MIGRATIONS
    revision.MIGRATIONS = scripts
    revision.known_revisions.cache_clear()
    try:
        yield
    finally:
        revision.MIGRATIONS = own
        revision.known_revisions.cache_clear()
