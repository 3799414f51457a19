"""TLS of an HTTP connection, with a place in the bound of connections from its beginning.

asyncio's own server would make the handshake before anything of ours sees the connection: who
connects and sends nothing would hold it, uncounted, for a minute.
"""

import asyncio
from contextlib import suppress
from typing import Any, cast

from service.connections.bounded_protocol import BoundedProtocol
from service.connections.open_connections import OpenConnections
from service.tls.failures import reason_of
from service.tls.reloaded_context import ReloadedContext


class TlsHandshake(asyncio.Protocol):
    """A connection until its handshake is complete; then HTTP takes its place."""

    waits = True
    surplus = False

    def __init__(self, connections: OpenConnections, tls: ReloadedContext, **parts: Any) -> None:
        """`parts`: those of the HTTP protocol."""
        self.address = ""
        self._open_connections = connections
        self._tls = tls
        self._parts = parts
        self._early = bytearray()
        """Data of a request that came with the end of the handshake."""
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self._open_connections.opened(self)
        self._task = self._loop.create_task(self._shake_hands(self._transport))

    def data_received(self, data: bytes) -> None:
        self._early += data

    def close(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def is_too_slow(self, now: float, silence_s: float, _bytes_per_s: int) -> bool:
        """Whether the handshake takes too long."""
        return now - self._since > silence_s

    async def _shake_hands(self, transport: asyncio.Transport) -> None:
        secured = None
        try:
            if transport.is_closing():
                return
            with suppress(ConnectionError):
                secured = await self._loop.start_tls(
                    transport, self, self._tls.current(), server_side=True
                )
        except OSError as error:  # as ssl.SSLError is
            self._open_connections.failed(f"without TLS ({reason_of(error) or 'it was lost'})")
        finally:
            self._open_connections.closed(self)
        if secured is not None and not secured.is_closing():
            self._begin_http(secured)

    def _begin_http(self, secured: asyncio.Transport) -> None:
        http = BoundedProtocol(self._open_connections, **self._parts)
        secured.set_protocol(http)
        http.connection_made(secured)
        if self._early:
            http.data_received(bytes(self._early))
