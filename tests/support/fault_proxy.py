"""A TCP proxy on loopback that cuts, delays and refuses connections at random, by a seed."""

import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial

from tests.support.tcp_proxy import BLOCK, Flow, TcpProxy

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
FATES = ("pass", "cut request", "cut response", "reset", "busy", "slow")


class FaultProxy(TcpProxy):
    """Forwards connections to a port; each has a fate that the seed decides."""

    def __init__(self, port: int, seed: int, calm: float = 0.3) -> None:
        """`calm`: share of the connections that nothing happens to."""
        self._random, self._calm = random.Random(seed), calm
        self.fates: Counter[str] = Counter()
        super().__init__(port)

    def next_server(self) -> Callable[[socket.socket], None]:
        calm = self._random.random() < self._calm
        fate = "pass" if calm else self._random.choice(FATES[1:])
        limit = int(10 ** self._random.uniform(0, 6.5))
        self.fates[fate] += 1
        return partial(self._serve, fate, limit)

    def _serve(self, fate: str, limit: int, client: socket.socket) -> None:
        if fate == "reset":
            _reset(client)
        elif fate == "busy":
            client.recv(BLOCK)
            client.sendall(_BUSY)
        else:
            up, down = (
                _Limited(limit) if fate == cut else _Slow() if fate == "slow" else Flow()
                for cut in ("cut request", "cut response")
            )
            self.forward(client, up, down)


class _Limited(Flow):
    """Ends after a number of bytes."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    @property
    def most(self) -> int:
        return min(self._left, BLOCK)

    def sent(self, count: int, /) -> None:
        self._left -= count


class _Slow(Flow):
    def sent(self, _count: int, /) -> None:
        time.sleep(0.02)


def _reset(connection: socket.socket) -> None:
    """Makes the system send RST instead of FIN when the connection is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def fault_proxy(port: int, seed: int, calm: float = 0.3) -> closing[FaultProxy]:
    """A proxy that is closed at the end of the block."""
    return closing(FaultProxy(port, seed, calm))
