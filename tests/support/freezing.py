"""Freezing processes, as a disk that hangs or a lost host would."""

import contextlib
import signal
from collections.abc import Iterator

import psutil
from sqlalchemy import create_engine, text


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


def postgres_pid(url: str) -> int:
    """Process id of the server."""
    engine = create_engine(url)
    with engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        parent = psutil.Process(backend).ppid()
    engine.dispose()
    return parent
