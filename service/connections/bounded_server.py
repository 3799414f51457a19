"""uvicorn's server with bounded connections."""

import asyncio
import errno
import socket
from functools import partial
from typing import Any

import uvicorn

from service.connections.bounded_protocol import BoundedProtocol
from service.connections.limits import ConnectionLimits
from service.connections.open_connections import OpenConnections
from service.connections.tls_handshake import TlsHandshake
from service.tls.reloaded_context import ReloadedContext

_BACKLOG = 1 << 16
"""Connections that may wait to be accepted; the system has a limit of its own."""
_ACCEPTS = 64
"""Connections that are accepted in one turn of the loop. asyncio also tries as often, and logs as
often, once no descriptor is left."""
_TICKS_PER_S = 10
_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


class BoundedServer(uvicorn.Server):
    """Serves on one or several ports, with one bound for all of them."""

    def __init__(
        self, config: uvicorn.Config, limits: ConnectionLimits, tls: ReloadedContext | None = None
    ) -> None:
        """`tls`: for HTTPS on all ports; None: HTTP."""
        self._connections = OpenConnections(limits)
        http: Any = (
            partial(BoundedProtocol, self._connections)
            if tls is None
            else partial(TlsHandshake, self._connections, tls)
        )
        config.http = http
        config.backlog = _ACCEPTS
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, with a queue of new connections that is longer than `_ACCEPTS`."""
        await super().startup(sockets)
        asyncio.get_running_loop().set_exception_handler(self._on_error)
        for listener in (one for server in self.servers for one in server.sockets):
            with listener.dup() as own:
                own.listen(_BACKLOG)

    async def on_tick(self, counter: int) -> bool:
        """As uvicorn's, ten times a second."""
        if counter % _TICKS_PER_S == 0:
            self._connections.check()
        return await super().on_tick(counter)

    def _on_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, OSError) and error.errno in _NO_DESCRIPTOR:
            self._connections.free_some()
        else:
            loop.default_exception_handler(context)
