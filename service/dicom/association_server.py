"""The server behind the DICOM port: it reads association requests before pynetdicom has to.

    connection ──> TLS handshake, at a port with TLS
                      │
                   waiting ── request complete, a slot is free ──> pynetdicom: two threads
                      │
                      └── too slow, too long, no DICOM, no slot ──> refused and closed

One thread accepts connections and reads all requests, so a connection that sends nothing costs a
file handle, and no thread.
"""

import gc
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from service.dicom.association_handler import AssociationHandler, WaitingConnection
from service.dicom.association_request import (
    NOT_SPECIFIED,
    TLS_HANDSHAKE,
    AssociationRequest,
    InvalidRequest,
    parsed,
    request_bytes,
)
from service.dicom.association_slots import AssociationSlots
from service.dicom.caller_certificates import CallerCertificates
from service.dicom.pdu_socket import abort_pdu, local_limit_pdu, unknown_caller_pdu
from service.dicom.refusals import Refusal, Refusals
from service.resources.address_group import address_group
from service.tls.failures import reason_of
from service.tls.reloaded_context import ReloadedContext

MOST_WAITING = 64
"""Connections whose request is not complete. Where one more comes, the oldest one of the address
that has most of them is closed: a sender needs milliseconds for its request."""
_COLLECTION_S = 30.0
"""Seconds between two collections of ended associations, which refer to themselves."""
_BLOCK_BYTES = 1 << 16


class BoundedAssociationServer(ThreadedAssociationServer):
    """pynetdicom's server with bounds; `AE.make_server` makes it."""

    request_queue_size = 128

    def __init__(
        self,
        *args: Any,
        slots: AssociationSlots,
        refusals: Refusals,
        ended: Callable[[Association], None],
        tick: Callable[[], None],
        request_timeout_s: float,
        tls: ReloadedContext | None,
        callers: CallerCertificates,
        is_stranger: Callable[[str], bool],
        **kwargs: Any,
    ) -> None:
        """`ended` is called once for each association, `tick` twice in a second.
        `request_timeout_s`: how long a connection may take for its request (PS3.8, 9.1.5), and for
        the TLS handshake before it. `tls`: None for a port without TLS. `is_stranger`: whether an
        AE title is not known; it must not wait for anything."""
        super().__init__(*args, **kwargs)
        self._slots, self._refusals = slots, refusals
        self._tls, self._callers, self._is_stranger = tls, callers, is_stranger
        self._ended, self._tick, self._timeout_s = ended, tick, request_timeout_s
        self._waiting: list[WaitingConnection] = []
        """The oldest first."""
        self._selector = selectors.DefaultSelector()
        self._stopped, self._closed = threading.Event(), threading.Event()
        self._some_ended = threading.Event()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accepts connections and reads requests until `shutdown`."""
        self._selector.register(cast("socket.socket", self.socket), selectors.EVENT_READ)
        next_tick, next_collection = 0.0, time.monotonic() + _COLLECTION_S
        while not self._stopped.is_set():
            self._select(poll_interval)
            self._expire()
            now = time.monotonic()
            if now >= next_tick:
                self._tick()
                next_tick = now + poll_interval
            if now >= next_collection and self._some_ended.is_set():
                self._some_ended.clear()
                gc.collect()
                next_collection = now + _COLLECTION_S
        for waiting in tuple(self._waiting):
            self._close(waiting)
        self._selector.close()
        self._closed.set()

    def shutdown(self) -> None:
        """Aborts all associations, ends `serve_forever` and closes the port."""
        for association in self.active_associations:
            association.abort()
        self._stopped.set()
        with suppress(OSError):
            cast("socket.socket", self.socket).shutdown(socket.SHUT_RDWR)  # it wakes the loop
        self._closed.wait(5.0)
        self.server_close()

    def _select(self, longest_s: float) -> None:
        for key, _ in self._selector.select(self._pause_s(longest_s)):
            if key.data is None:
                self._accept()
            elif key.data in self._waiting:
                self._read(key.data)

    def _accept(self) -> None:
        try:
            connection, address = self.get_request()
        except OSError:  # it is gone already, or there are too many open files
            time.sleep(0.01)
            return
        connection.setblocking(False)
        if len(self._waiting) >= MOST_WAITING:
            problem = f"more than {MOST_WAITING} connections without an association request"
            self._refuse(self._least_wanted(), Refusal.TOO_MANY_CONNECTIONS, problem)
        group = address_group(address[0])
        waiting = WaitingConnection(connection, address, group, time.monotonic() + self._timeout_s)
        self._waiting.append(waiting)
        self._selector.register(connection, selectors.EVENT_READ, waiting)

    def _least_wanted(self) -> WaitingConnection:
        (group, _), *_ = Counter(one.group for one in self._waiting).most_common(1)
        return next(one for one in self._waiting if one.group == group)

    def _read(self, waiting: WaitingConnection) -> None:
        try:
            if self._tls is not None:
                self._shake_hands(waiting, self._tls)
            self._receive(waiting)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except ssl.SSLError as error:
            self._refuse(waiting, Refusal.TLS, reason_of(error))
        except OSError:
            self._close(waiting)
        except InvalidRequest as error:
            kind = Refusal.TLS if error.reason == NOT_SPECIFIED else Refusal.INVALID
            self._refuse(waiting, kind, str(error), abort_pdu(error.reason))

    def _shake_hands(self, waiting: WaitingConnection, tls: ReloadedContext) -> None:
        """Goes on with the TLS handshake; raises BlockingIOError or SSLWantReadError until it is
        complete, and what is wrong with it."""
        if not isinstance(waiting.socket, ssl.SSLSocket):
            first = waiting.socket.recv(1, socket.MSG_PEEK)
            if not first:
                raise ConnectionAbortedError
            if first != TLS_HANDSHAKE:
                raise InvalidRequest(
                    "it uses no TLS, and this port accepts nothing else", NOT_SPECIFIED
                )
            self._selector.unregister(waiting.socket)
            waiting.socket = tls.current().wrap_socket(
                waiting.socket, server_side=True, do_handshake_on_connect=False
            )
            self._selector.register(waiting.socket, selectors.EVENT_READ, waiting)
        waiting.socket.do_handshake()  # it does nothing once it is complete

    def _receive(self, waiting: WaitingConnection) -> None:
        """Receives what is there of the request; TLS may hold more than the socket shows."""
        while True:
            wanted = request_bytes(waiting.data) - len(waiting.data)
            block = waiting.socket.recv(min(wanted, _BLOCK_BYTES))
            waiting.data += block
            if not block:
                self._close(waiting)
                return
            if request_bytes(waiting.data) == len(waiting.data):
                self._admit(waiting, parsed(bytes(waiting.data)))
                return
            if not isinstance(waiting.socket, ssl.SSLSocket):
                return

    def _admit(self, waiting: WaitingConnection, request: AssociationRequest) -> None:
        waiting.calling = request.calling
        problem = self._callers.problem(waiting.socket, request.calling)
        if problem:
            self._refuse(waiting, Refusal.CERTIFICATE, problem, unknown_caller_pdu())
            return
        waiting.stranger = self._is_stranger(request.calling)
        problem = self._slots.take(waiting.group, stranger=waiting.stranger)
        if problem:
            self._refuse(waiting, Refusal.TOO_MANY_ASSOCIATIONS, problem, local_limit_pdu())
            return
        self._forget(waiting)
        waiting.socket.setblocking(True)
        thread = threading.Thread(target=self._serve, args=(waiting,), daemon=True)
        thread.start()

    def _serve(self, admitted: WaitingConnection) -> None:
        """Runs one association to its end, whatever ends it."""
        try:
            self._ended(AssociationHandler(admitted, self, self._refusals).association)
        finally:
            self.shutdown_request(admitted.socket)
            self._slots.free(admitted.group, stranger=admitted.stranger)
            self._some_ended.set()

    def _expire(self) -> None:
        now = time.monotonic()
        for waiting in tuple(self._waiting):
            if waiting.deadline <= now:
                problem = f"no association request within {self._timeout_s:g} s"
                self._refuse(waiting, Refusal.TOO_SLOW, problem)

    def _pause_s(self, longest: float) -> float:
        if not self._waiting:
            return longest
        return min(longest, max(0.0, self._waiting[0].deadline - time.monotonic()))

    def _refuse(
        self, waiting: WaitingConnection, kind: Refusal, problem: str, answer: bytes = b""
    ) -> None:
        self._refusals.add(kind, waiting.group, waiting.calling, problem)
        if answer:
            with suppress(OSError):
                waiting.socket.send(answer)
        self._close(waiting)

    def _close(self, waiting: WaitingConnection) -> None:
        self._forget(waiting)
        self.shutdown_request(waiting.socket)

    def _forget(self, waiting: WaitingConnection) -> None:
        self._waiting.remove(waiting)
        with suppress(KeyError, ValueError):  # it was lost before TLS could take it over
            self._selector.unregister(waiting.socket)
