"""uvicorn's protocol for h11 with time-outs, and with a place in the bound of connections."""

import asyncio
from typing import Any

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from imaging.errors import Unavailable
from service.connections.open_connections import OpenConnections
from service.http.errors import response_to

HEALTH = "/healthz"


class BoundedProtocol(H11Protocol):
    """A connection that knows what it waits for, and since when.

    It waits for a request from when it is opened, or its last response ended, until the head of the
    request is complete.
    """

    def __init__(self, connections: OpenConnections, **parts: Any) -> None:
        super().__init__(**parts)
        self.address = ""
        self.surplus = False
        """Whether it is above the bound."""
        self._open_connections = connections
        self._head_since: float | None = None
        self._received = 0
        self._progress: tuple[str, float, int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        self._head_since = self.loop.time()
        self._open_connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open_connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._head_since is None and self.waits:
            self._head_since = self.loop.time()
        super().data_received(data)

    def handle_events(self) -> None:
        """As uvicorn's; also after a response, for requests that came meanwhile."""
        if self.surplus:
            self.app = _health_only(self.config.loaded_app)
        super().handle_events()
        if not self.waits:
            self._head_since = None
        self._open_connections.changed(self)

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP; without an answer if the response to it has begun."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.close()
            return
        super().send_400_response(msg)

    @property
    def waits(self) -> bool:
        """Whether no complete head of a request is there."""
        return self.conn.their_state is h11.IDLE

    def close(self) -> None:
        """Closes the connection at once; what it has not sent is lost."""
        self.transport.abort()

    def is_too_slow(self, now: float, silence_s: float, bytes_per_s: int) -> bool:
        """Whether its client takes too long; to be called about every second."""
        if self._head_since is not None:
            return now - self._head_since > silence_s
        task, done = self._task()
        if not task or self._progress is None or self._progress[0] != task:
            self._progress = (task, now, done) if task else None
            return False
        _, since, before = self._progress
        if done - before >= max(1, bytes_per_s * silence_s):
            self._progress = (task, now, done)
            return False
        return now - since > silence_s

    def _task(self) -> tuple[str, int]:
        """What the client has to do, and a number of bytes that grows as it does it."""
        unsent = self.transport.get_write_buffer_size()
        complete = self.cycle is None or self.cycle.response_complete
        if self.flow.write_paused or (unsent and (complete or self.transport.is_closing())):
            return "read", -unsent
        reads = not self.flow.read_paused and self.conn.their_state is h11.SEND_BODY
        if reads and not (self.cycle and self.cycle.waiting_for_100_continue):
            return "send", self._received
        return "", 0


def _health_only(app: ASGIApp) -> ASGIApp:
    """The app, for a connection above the bound."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == HEALTH:
            await app(scope, receive, send)
            return
        refusal = response_to(
            Unavailable(
                "The gateway has as many connections as it can hold.",
                expected="At most TESSERA_MAX_CONNECTIONS connections.",
                hint="Try again in a moment.",
            )
        )
        refusal.headers["Connection"] = "close"
        await refusal(scope, receive, send)

    return answer
