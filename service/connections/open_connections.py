"""The open connections of a server: how many, whose, and which to close."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Protocol

from service.connections.limits import SPARE, ConnectionLimits

log = logging.getLogger("tessera.connections")

_REPORT_S = 60.0
_AT_ONCE = 8


class Connection(Protocol):
    """What is asked of a connection."""

    address: str
    surplus: bool

    @property
    def waits(self) -> bool: ...

    def close(self) -> None: ...

    def is_too_slow(self, now: float, silence_s: float, bytes_per_s: int) -> bool: ...


class OpenConnections:
    """Bounds connections in all and per address.

    At the bound, the connection that has waited longest for a request is closed, not the new one:
    behind a proxy all have the same address, and a client that means it sends its request at once.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._of: Counter[str] = Counter()
        self._open: dict[Connection, None] = {}
        self._waiting: dict[Connection, None] = {}
        self._waiting_of: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        self._closed: Counter[str] = Counter()
        self._reported_at = -_REPORT_S

    def opened(self, connection: Connection) -> None:
        """Adds a connection, and closes another one if there are too many."""
        self._open[connection] = None
        self._of[connection.address] += 1
        self._add_waiting(connection)
        if self._of[connection.address] > self._limits.per_address:
            self._make_place(connection, self._waiting_of[connection.address])
        elif len(self._open) > self._limits.connections:
            self._make_place(connection, self._waiting)

    def changed(self, connection: Connection) -> None:
        """Notes whether it waits for a request; it waits since it began to."""
        if connection not in self._open:
            return
        if not connection.waits:
            self._remove_waiting(connection)
        elif connection not in self._waiting:
            self._add_waiting(connection)

    def closed(self, connection: Connection) -> None:
        """Forgets a connection."""
        if self._open.pop(connection, connection) is connection:
            return
        self._remove_waiting(connection)
        self._of[connection.address] -= 1
        if not self._of[connection.address]:
            del self._of[connection.address]
            self._waiting_of.pop(connection.address, None)

    def failed(self, reason: str) -> None:
        """Counts a connection that ended by itself, for the report in the log."""
        self._closed[reason] += 1

    def check(self) -> None:
        """Closes connections whose clients are too slow; to be called about every second."""
        now, limits = time.monotonic(), self._limits
        slow = [
            connection
            for connection in self._open
            if connection.is_too_slow(now, limits.silence_s, limits.bytes_per_s)
        ]
        for connection in slow:
            self._close(connection, "too slow")
        if self._closed and now - self._reported_at >= _REPORT_S:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self._closed.items())
            log.warning("connections: %d open; closed or refused: %s", len(self._open), reasons)
            self._closed.clear()
            self._reported_at = now

    def free_some(self) -> None:
        """Closes a few waiting connections: the process has no descriptor left."""
        for connection in list(_first(self._waiting, _AT_ONCE)):
            self._close(connection, "for want of descriptors")

    def _make_place(self, new: Connection, waiting: dict[Connection, None]) -> None:
        oldest = next(iter(waiting))
        if oldest is not new:
            self._close(oldest, "waiting longest")
        elif len(self._open) <= self._limits.connections + SPARE:
            new.surplus = True
            self._closed["surplus"] += 1
        else:
            self._close(new, "surplus")

    def _close(self, connection: Connection, reason: str) -> None:
        self._closed[reason] += 1
        self.closed(connection)
        connection.close()

    def _add_waiting(self, connection: Connection) -> None:
        self._waiting[connection] = None
        self._waiting_of[connection.address][connection] = None

    def _remove_waiting(self, connection: Connection) -> None:
        self._waiting.pop(connection, None)
        self._waiting_of[connection.address].pop(connection, None)


def _first(connections: dict[Connection, None], count: int) -> Iterator[Connection]:
    for connection, _ in zip(connections, range(count), strict=False):
        yield connection
