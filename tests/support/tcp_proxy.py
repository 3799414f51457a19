"""A TCP proxy on loopback; what becomes of a connection is for its subclasses to say."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

BLOCK = 65536
"""Bytes that are copied at once, at most."""


class Flow:
    """One direction of a connection: nothing happens to it."""

    @property
    def most(self) -> int:
        """How many bytes may be copied next; 0 ends the connection."""
        return BLOCK

    def sent(self, count: int, /) -> None:
        """Called when so many bytes were copied."""


class TcpProxy:
    """Forwards connections to a port of this machine, which may change."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self.closed = False
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """Cuts all connections."""
        for connection in list(self._open):
            _cut(connection)

    def close(self) -> None:
        """Ends the proxy and cuts its connections."""
        self.closed = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def next_server(self) -> Callable[[socket.socket], None]:
        """What becomes of the next connection; it is called in a thread of its own."""
        return lambda client: self.forward(client, Flow(), Flow())

    def forward(self, client: socket.socket, up: Flow, down: Flow) -> None:
        """Copies in both directions until either side ends."""
        with self._listed(socket.create_connection(("127.0.0.1", self.port))) as server:
            back = threading.Thread(target=_pump, args=(server, client, down))
            back.start()
            _pump(client, server, up)
            back.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._served, args=(client, self.next_server()))
            self._threads.append(thread)
            thread.start()

    def _served(self, client: socket.socket, server: Callable[[socket.socket], None]) -> None:
        with self._listed(client), suppress(OSError):
            server(client)

    @contextmanager
    def _listed(self, connection: socket.socket) -> Iterator[socket.socket]:
        """Closed at the end, and cut by `cut`."""
        self._open.add(connection)
        with closing(connection):
            yield connection
        self._open.discard(connection)


def _pump(source: socket.socket, target: socket.socket, flow: Flow) -> None:
    """Copies until the source or the flow ends; then both sides are cut."""
    with suppress(OSError):
        while block := source.recv(flow.most):
            target.sendall(block)
            flow.sent(len(block))
    _cut(source)
    _cut(target)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
