"""Starts a gateway for a benchmark and stops it afterwards."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import httpx


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    port: int,
    settings: Mapping[str, str],
    log: IO[bytes] | None = None,
) -> Iterator[httpx.Client]:
    """The client of `started`."""
    with started(command, port, settings, log) as (client, _):
        yield client


@contextlib.contextmanager
def started(
    command: Sequence[str | Path],
    port: int,
    settings: Mapping[str, str],
    log: IO[bytes] | None = None,
) -> Iterator[tuple[httpx.Client, int]]:
    """A client of the gateway that `command` starts on `port`, as soon as it answers, and the
    gateway's process id.

    `settings`: environment variables; `log`: where the gateway's log goes, None: to this process's
    own errors. The process gets SIGINT at the end.
    """
    process = subprocess.Popen(
        command, env=os.environ | settings, stdout=subprocess.DEVNULL, stderr=log
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            while not _answers(client):
                if process.poll() is not None:
                    raise SystemExit("The gateway stopped before it answered.")
                time.sleep(0.1)
            yield client, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def processor_s(process: int) -> float:
    """Processor seconds of all threads of a process so far; Linux only."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False
