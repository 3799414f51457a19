"""A TCP proxy on loopback that cuts, delays and refuses connections at random, by a seed."""

import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
FATES = ("pass", "cut request", "cut response", "reset", "busy", "slow")


class FaultProxy:
    """Forwards connections to a port; each has a fate that the seed decides."""

    def __init__(self, port: int, seed: int, calm: float = 0.3) -> None:
        """`calm`: share of the connections that nothing happens to."""
        self._target, self._random, self._calm = ("127.0.0.1", port), random.Random(seed), calm
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.fates: Counter[str] = Counter()
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """Ends the proxy and cuts its connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            calm = self._random.random() < self._calm
            fate = "pass" if calm else self._random.choice(FATES[1:])
            self.fates[fate] += 1
            limit = int(10 ** self._random.uniform(0, 6.5))
            thread = threading.Thread(target=self._serve, args=(client, fate, limit))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket, fate: str, limit: int) -> None:
        with self._listed(client), suppress(OSError):
            if fate == "reset":
                _reset(client)
                return
            if fate == "busy":
                client.recv(65536)
                client.sendall(_BUSY)
                return
            with self._listed(socket.create_connection(self._target)) as server:
                limits = {"cut request": (limit, None), "cut response": (None, limit)}
                up, down = limits.get(fate, (None, None))
                pause_s = 0.02 if fate == "slow" else 0.0
                back = threading.Thread(target=_pump, args=(server, client, down, pause_s))
                back.start()
                _pump(client, server, up, pause_s)
                back.join()

    @contextmanager
    def _listed(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Closed at the end, and cut by `close`."""
        self._open.add(connection)
        with closing(connection):
            yield connection
        self._open.discard(connection)


def _pump(source: socket.socket, target: socket.socket, limit: int | None, pause_s: float) -> None:
    """Copies until the source ends, or for `limit` bytes; then both sides are cut."""
    left = limit
    with suppress(OSError):
        while block := source.recv(65536 if left is None else min(left, 65536)):
            time.sleep(pause_s)
            target.sendall(block)
            if left is not None:
                left -= len(block)
                if left == 0:
                    break
    for side in (source, target):
        with suppress(OSError):
            side.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    """Makes the system send RST instead of FIN when the connection is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def fault_proxy(port: int, seed: int, calm: float = 0.3) -> Iterator[FaultProxy]:
    """A proxy that is closed at the end of the block."""
    proxy = FaultProxy(port, seed, calm)
    try:
        yield proxy
    finally:
        proxy.close()
