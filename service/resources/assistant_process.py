"""The assistant as a process of its own: what it computes delays no other request, and what it
needs of memory is returned when it ends."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any

from imaging.assistance.request import AssistanceRequest, ScanNeeded
from imaging.errors import TesseraError, Unavailable
from service.resources.polling_thread import PollingThread

KEEP_S = 600.0
"""How long the process, with the values that it has read, is kept after the last request."""
POLL_S = 30.0
_CHILD = "service.resources.assistant_child"
OpenScan = Callable[[], AbstractContextManager[Path]]
"""Gives the file of the request's scan, which is read while the context is open."""


class AssistantProcess:
    """Starts the process at the first request, and ends it when it takes too long, when nobody has
    used it for a while, and when a scan that it has read is deleted. One request at a time."""

    def __init__(self, limit_s: float, keep_s: float = KEEP_S) -> None:
        """`limit_s`: how long a request may take."""
        self._limit_s, self._keep_s = limit_s, keep_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection[Any, Any] | None = None
        self._scans: set[str] = set()
        self._used_at = 0.0
        self._expiry = PollingThread("assistant expiry", self._expire, POLL_S, "")

    def start(self) -> None:
        """Starts the thread that ends an unused process."""
        self._expiry.start()

    def stop(self) -> None:
        """Ends the thread and the process."""
        self._expiry.stop()
        self._end()

    def ask(self, request: AssistanceRequest, scan: OpenScan) -> bytes:
        """What the assistant answers; waits for other requests.

        `scan` is opened only if the values are not at hand. Raises Unavailable if the request takes
        too long or the process ends, and what the assistant raises.
        """
        with self._lock:
            deadline = time.monotonic() + self._limit_s
            reply = self._exchange(request, deadline)
            if isinstance(reply, ScanNeeded):
                with scan() as path:
                    self._scans.add(request.scan)
                    reply = self._exchange(replace(request, path=path), deadline)
            self._used_at = time.monotonic()
        if isinstance(reply, bytes):
            return reply
        if isinstance(reply, TesseraError):
            raise reply
        raise RuntimeError(f"The assistant failed; see error {reply}.")

    def contents(self) -> set[str]:
        """The scans that the process has read, by SHA-256."""
        return set(self._scans)

    def forget_contents(self, names: Collection[str]) -> None:
        """Ends the process if it has read one of these scans, by SHA-256."""
        if not self._scans.isdisjoint(names):
            with self._lock:
                self._end()

    def _exchange(self, request: AssistanceRequest, deadline: float) -> Any:
        connection = self._running()
        try:
            connection.send((request, self._limit_s))
            if connection.poll(max(0.0, deadline - time.monotonic())):
                return connection.recv()
        except (EOFError, OSError):
            self._end()
            raise Unavailable(
                "The assistant stopped while it worked, perhaps for lack of memory.",
                hint="Draw the stroke again, with a smaller box around it.",
            ) from None
        self._end()
        raise Unavailable(
            f"The assistant needed more than {self._limit_s:.0f} seconds, and was stopped.",
            hint="Choose a smaller box, or correct the mask with the brush.",
        )

    def _running(self) -> "Connection[Any, Any]":
        """The connection to the process, which is started if there is none or if it was killed."""
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._connection is None:
            ours, theirs = socketpair()
            with ours, theirs:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    [sys.executable, "-P", "-m", _CHILD, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                )
                self._connection = Connection(ours.detach())
        return self._connection

    def _expire(self) -> bool:
        if self._process is not None and self._lock.acquire(blocking=False):
            try:
                if time.monotonic() - self._used_at > self._keep_s:
                    self._end()
            finally:
                self._lock.release()
        return False

    def _end(self) -> None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        self._scans.clear()
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                process.wait(5.0)
