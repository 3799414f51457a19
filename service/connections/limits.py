"""How many connections a gateway holds, and how slow their clients may be."""

import resource
from dataclasses import dataclass

from jobs.settings import Settings

_MOST_FILES = 1 << 16
_SELECT_FILES = 1024
"""pynetdicom waits for its sockets with select(), which cannot have larger descriptors."""
_MOST_CONNECTIONS = 4096
"""Of which each has about 30 kB of memory."""
SPARE = 32
"""Connections above the bound: they may ask whether the gateway lives, and get a 503 otherwise."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of one process."""

    connections: int
    per_address: int
    silence_s: float
    """How long the head of a request may take, and how long a client may be silent meanwhile."""
    bytes_per_s: int
    """Slowest rate of a body, and of a response, over `silence_s`."""

    @classmethod
    def of(cls, settings: Settings, files: int) -> "ConnectionLimits":
        """The limits for a process that may open `files` files."""
        connections = settings.max_connections or min(files * 3 // 4 - SPARE, _MOST_CONNECTIONS)
        return cls(
            connections=max(connections, 1),
            per_address=settings.max_connections_per_address or max(connections * 3 // 4, 1),
            silence_s=settings.request_timeout_s,
            bytes_per_s=settings.min_bytes_per_s,
        )


def raised_file_limit(settings: Settings) -> int:
    """Raises the process's limit of open files as far as it is useful, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _SELECT_FILES if settings.dicom_port or settings.routing_table else _MOST_FILES
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return most if soft == resource.RLIM_INFINITY else min(soft, most)
