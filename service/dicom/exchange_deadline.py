"""The deadline of an HTTP exchange with a peer: it ends the connection, whatever the peer sends.

The time-outs of HTTP libraries are between two bytes: a peer that sends one byte a second always
keeps them.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool

SLOWEST_BYTES_PER_S = 64 << 10
"""By how many received or sent bytes the time of an exchange grows by a second."""


class ExchangeDeadline:
    """Runs from `__enter__` to `__exit__`, and closes the watched sockets when the time is over."""

    def __init__(self, limit_s: float, sent: int = 0) -> None:
        """`limit_s`: for an answer without images; `sent`: bytes that are sent to the peer."""
        self._end = time.monotonic() + limit_s + sent / SLOWEST_BYTES_PER_S
        self._mutex = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._over = threading.Event()
        self.has_expired = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._run, name="exchange-deadline", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with self._mutex:
            for connection in self._sockets:
                connection.close()
            self._sockets.clear()

    def received(self, count: int) -> None:
        """Bytes of images have arrived, for which there is more time."""
        self._end += count / SLOWEST_BYTES_PER_S

    def watch(self, connection: socket.socket) -> None:
        """Closes this connection, too, when the time is over."""
        with self._mutex:
            self._sockets.append(connection.dup())  # TLS takes the handle of the socket itself
            if self.has_expired:
                _end(self._sockets[-1])

    def _run(self) -> None:
        while (left_s := self._end - time.monotonic()) > 0:
            if self._over.wait(left_s):
                return
        with self._mutex:
            self.has_expired = True
            for connection in self._sockets:
                _end(connection)


class WatchedAdapter(HTTPAdapter):
    """Gives every connection of a `requests` session to a deadline."""

    def __init__(self, deadline: ExchangeDeadline, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: used for https instead of what `requests` would make."""
        super().__init__()
        self._deadline, self._tls = deadline, tls

    def build_connection_pool_key_attributes(
        self, *args: Any, **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """As the base class, with our context."""
        host, pool = super().build_connection_pool_key_attributes(*args, **kwargs)
        return host, pool if self._tls is None else {"ssl_context": self._tls}

    def cert_verify(self, *args: Any, **kwargs: Any) -> None:
        """As the base class, which would add other authorities to our context."""
        if self._tls is None:
            super().cert_verify(*args, **kwargs)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        """As the base class; the pool's connections are watched from their beginning."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _watched(pool.ConnectionCls, self._deadline.watch)
        return pool


def _watched(kind: Any, watch: Callable[[socket.socket], None]) -> Any:
    class Watched(kind):  # type: ignore[misc] # HTTPConnection or HTTPSConnection
        def _new_conn(self) -> socket.socket:
            connection: socket.socket = super()._new_conn()
            watch(connection)
            return connection

    return Watched


def _end(connection: socket.socket) -> None:
    """Ends the connection under a thread that reads from it or writes to it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
