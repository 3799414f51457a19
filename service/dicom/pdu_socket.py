"""The socket of an association, with bounds on the length and the duration of a PDU.

pynetdicom believes the length in a PDU's header, and waits for that many bytes without an end.
"""

import select
import ssl
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from pynetdicom.transport import AssociationSocket

from service.dicom.association_request import (
    HEADER_BYTES,
    INVALID,
    MAX_REQUEST_BYTES,
    UNEXPECTED,
    UNRECOGNISED,
)
from service.dicom.refusals import Refusal

MAX_DATA_BYTES = 128 << 10
"""Largest PDU length of a P-DATA-TF. It exceeds the length that we announce (16,382) because some
senders do not keep that one: versions of dicom-rs sent PDUs of up to 131,072 bytes."""
PDU_TIMEOUT_S = 30.0
"""How long a PDU may take from its first byte to its last, and an answer until it is sent."""
ACCEPTOR_PDUS: Mapping[int, int] = {0x04: MAX_DATA_BYTES, 0x05: 4, 0x06: 4, 0x07: 4}
"""Largest PDU length by PDU type, of the types that a peer may send after its request: P-DATA-TF,
A-RELEASE-RQ and -RP, A-ABORT (PS3.8, 9.3)."""
REQUESTOR_PDUS: Mapping[int, int] = {0x02: MAX_REQUEST_BYTES, 0x03: 4, **ACCEPTOR_PDUS}
"""The same for a peer that answers our request: A-ASSOCIATE-AC and -RJ, too."""
_CLOSED = "Evt17"
"""pynetdicom's name for the event "transport connection closed" (PS3.8, 9.2.3)."""
_ASSOCIATION = (0x01, 0x02, 0x03)
_BLOCK_BYTES = 1 << 16


class PduSocket(AssociationSocket):
    """Takes the place of pynetdicom's own socket of one association."""

    def __init__(
        self,
        opened: AssociationSocket,
        max_bytes: Mapping[int, int],
        first: bytes = b"",
        refused: Callable[[Refusal, str], None] = lambda *_: None,
    ) -> None:
        """`max_bytes`: by PDU type. `first`: a PDU that was read already, and is received again.
        `refused` is called with what is wrong with a PDU."""
        self.__dict__.update(vars(opened))  # its constructor would report a second connection
        self._max_bytes = max_bytes
        self._first = first
        self._ahead = b""
        """Of a TLS connection: what `ready` had to decrypt to know whether there is any data."""
        self._refused = refused
        self._header_next = True

    @property
    def ready(self) -> bool:
        """Whether bytes can be received, or the connection has ended.

        The base class uses select(), which fails for the handles from 1024 on.
        """
        if self._first or self.socket is None:
            return bool(self._first)
        poll = select.poll()
        try:
            poll.register(self.socket, select.POLLIN)
        except ValueError:  # another thread has closed it
            self.event_queue.put(_CLOSED)
            return False
        if isinstance(self.socket, ssl.SSLSocket):
            waits = self.socket.pending() or poll.poll(0)
            return bool(self._ahead) or bool(waits and self._has_data(self.socket))
        return bool(poll.poll(0))

    def recv(self, nr_bytes: int) -> bytearray:
        """As the base class; pynetdicom asks for a header and for the rest of the PDU by turns.

        Raises OSError, after which pynetdicom closes the connection.
        """
        is_header, self._header_next = self._header_next, not self._header_next
        if self._first:
            part, self._first = self._first[:nr_bytes], self._first[nr_bytes:]
            return bytearray(part)
        try:
            received = self._received(nr_bytes)
        except TimeoutError:
            self._refused(Refusal.TOO_SLOW, f"a PDU was not complete within {PDU_TIMEOUT_S:g} s")
            raise
        if is_header and len(received) == HEADER_BYTES:
            self._check(received)
        return received

    def send(self, bytestream: bytes) -> None:
        """As the base class, for a limited time: a peer may stop to receive."""
        if self.socket is not None:
            with suppress(OSError):  # it is closed, which the base class reports
                self.socket.settimeout(PDU_TIMEOUT_S)
        super().send(bytestream)

    def _shutdown_socket(self) -> None:
        """As the base class, which leaves a socket open that the other side has reset."""
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()

    def _has_data(self, connection: ssl.SSLSocket) -> bool:
        """Whether there is data, or the connection has ended: a record of TLS may hold neither."""
        connection.settimeout(0)
        try:
            self._ahead = connection.recv(1)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            return True  # which `recv` raises again
        return True

    def _received(self, count: int) -> bytearray:
        deadline = time.monotonic() + PDU_TIMEOUT_S
        received = bytearray(self._ahead)
        self._ahead = b""
        while len(received) < count and self.socket is not None:
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            block = self.socket.recv(min(_BLOCK_BYTES, count - len(received)))
            if not block:
                break
            received += block
        return received

    def _check(self, header: bytearray) -> None:
        kind, length = struct.unpack(">BxI", header)
        problem = f"a PDU of the type {kind:02X}H and of {length:,} bytes"
        if kind not in self._max_bytes:
            self._abort(UNEXPECTED if kind in _ASSOCIATION else UNRECOGNISED, problem)
        if length > self._max_bytes[kind]:
            self._abort(INVALID, problem)

    def _abort(self, reason: int, problem: str) -> NoReturn:
        self._refused(Refusal.INVALID, problem)
        self.send(abort_pdu(reason))
        raise ConnectionAbortedError


def abort_pdu(reason: int) -> bytes:
    """A-ABORT by the service provider (PS3.8, 9.3.8)."""
    return bytes((0x07, 0, 0, 0, 0, 4, 0, 0, 0x02, reason))


def local_limit_pdu() -> bytes:
    """A-ASSOCIATE-RJ: rejected-transient, because of a local limit (PS3.8, 9.3.4)."""
    return bytes((0x03, 0, 0, 0, 0, 4, 0, 0x02, 0x03, 0x02))


def unknown_caller_pdu() -> bytes:
    """A-ASSOCIATE-RJ: rejected-permanent, calling AE title not recognized (PS3.8, 9.3.4)."""
    return bytes((0x03, 0, 0, 0, 0, 4, 0, 0x01, 0x01, 0x03))
