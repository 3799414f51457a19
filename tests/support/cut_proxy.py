"""A TCP proxy on loopback that cuts all connections after given numbers of bytes, or when asked."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress

BLOCK = 65536


class CutProxy:
    """Forwards connections to a port, which may change."""

    def __init__(self, port: int, cuts: Sequence[int] = (), rate: float = 50e6) -> None:
        """`cuts`: numbers of bytes sent by clients. `rate`: most bytes a second of a connection."""
        self.port = port
        self.sent = 0
        """Bytes that clients have sent to the server."""
        self.cuts = sorted(cuts)
        """Those that are still to come."""
        self._rate = rate
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def cut(self) -> None:
        """Cuts all connections."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Ends the proxy."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with self._listed(client), suppress(OSError):
            server = socket.create_connection(("127.0.0.1", self.port))
            with self._listed(server):
                back = threading.Thread(target=self._pump, args=(server, client, False))
                back.start()
                self._pump(client, server, True)
                back.join()

    def _pump(self, source: socket.socket, target: socket.socket, up: bool) -> None:
        """Copies until the source ends; then both sides are cut."""
        with suppress(OSError):
            while block := source.recv(BLOCK):
                target.sendall(block)
                if up:
                    self._count(len(block))
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def _count(self, count: int) -> None:
        self.sent += count
        if self.cuts and self.sent >= self.cuts[0]:
            self.cuts.pop(0)
            self.cut()
        time.sleep(count / self._rate)

    @contextmanager
    def _listed(self, connection: socket.socket) -> Iterator[None]:
        self._open.add(connection)
        with closing(connection):
            yield
        self._open.discard(connection)


@contextmanager
def cut_proxy(port: int, cuts: Sequence[int] = (), rate: float = 50e6) -> Iterator[CutProxy]:
    """A proxy that is closed at the end of the block."""
    proxy = CutProxy(port, cuts, rate)
    try:
        yield proxy
    finally:
        proxy.close()
