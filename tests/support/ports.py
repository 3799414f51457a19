"""Ports for the servers that tests start."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

RANGE = range(20_000, 32_000)
"""Below the ports from which Linux (32768) and macOS (49152) serve `bind(0)` and outgoing
connections, so that no other program receives one of these ports by chance."""
_HELD: list[int] = []
"""Open lock files of this process's ports. They are held until the process ends."""


def free_port() -> int:
    """A loopback TCP port that no other test run on this machine receives.

    Each port has a lock file, which this process holds until it ends. So two xdist workers, or two
    test runs at once, never receive the same port between the probe and the server's own `bind`.
    Raises OSError if no port is free.
    """
    folder = Path(tempfile.gettempdir()) / "tessera-test-ports"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    start = random.SystemRandom().randrange(len(RANGE))
    for offset in range(len(RANGE)):
        port = RANGE[(start + offset) % len(RANGE)]
        if _lock(folder / str(port)):
            if _can_bind(port):
                return port
            os.close(_HELD.pop())
    raise OSError(f"No port from {RANGE.start} to {RANGE.stop - 1} is free on 127.0.0.1.")


def free_ports(count: int) -> list[int]:
    """Several different ports, each as `free_port` gives it."""
    return [free_port() for _ in range(count)]


def _lock(path: Path) -> bool:
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        return False
    _HELD.append(file)
    return True


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
