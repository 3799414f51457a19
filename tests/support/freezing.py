"""Freezing processes, as a disk that hangs or a lost host would."""

import contextlib
import signal
import sqlite3
from collections.abc import Iterator

import psutil
from sqlalchemy import create_engine, make_url, text


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process and its children get no processor time; the kernel still accepts for them."""
    parent = psutil.Process(pid)
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(processes):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)


def is_writable(database: str) -> bool:
    """Whether nobody holds SQLite's lock, which a stopped process keeps; always on PostgreSQL."""
    url = make_url(database)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return True
    with contextlib.closing(
        sqlite3.connect(url.database, timeout=2, isolation_level=None)
    ) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


def postgres_pid(url: str) -> int:
    """Process id of the server."""
    engine = create_engine(url)
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        parent = psutil.Process(backend).ppid()
    engine.dispose()
    return parent
