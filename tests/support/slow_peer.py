"""A peer that answers every connection one byte at a time."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

JSON = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 100000\r\n\r\n["
    + b" " * 99998
    + b"]"
)


class SlowPeer:
    """Sends `start` at once and then a byte every `every_s`, until `close`."""

    def __init__(self, start: bytes, rest: bytes, every_s: float) -> None:
        self._start, self._rest, self._every_s = start, rest, every_s
        self._over = threading.Event()
        self.asked = threading.Semaphore(0)
        """Released by each connection that has sent something."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def stop_dripping(self) -> None:
        """Closes the connections."""
        self._over.set()

    def close(self) -> None:
        self.stop_dripping()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self._threads.append(threading.Thread(target=self._drip, args=(line,)))
                self._threads[-1].start()

    def _drip(self, line: socket.socket) -> None:
        line.settimeout(60)
        with line, suppress(OSError):
            line.recv(65536)
            self.asked.release()
            line.sendall(self._start)
            for n in range(len(self._rest)):
                if self._over.wait(self._every_s):
                    return
                line.sendall(self._rest[n : n + 1])


@contextmanager
def slow_peer(start: bytes, rest: bytes, every_s: float = 0.05) -> Iterator[SlowPeer]:
    """A slow peer that is closed at the end."""
    peer = SlowPeer(start, rest, every_s)
    try:
        yield peer
    finally:
        peer.close()
