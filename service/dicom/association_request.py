"""The first PDU of a connection: an A-ASSOCIATE-RQ (PS3.8, 9.3.2) of a sane size, or a fault."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 6
"""PDU type, a reserved byte, and the length of what follows (PS3.8, 9.3.1)."""
MAX_REQUEST_BYTES = 256 << 10
"""Largest PDU length of a request: 128 presentation contexts with 28 transfer syntaxes each, whose
UIDs all have 64 characters, take less."""
MAX_CONTEXTS = 128
"""Their identifiers are the odd numbers up to 255 (PS3.8, 9.3.2.2)."""
MAX_ITEMS = 4096
"""Largest number of items and sub-items in all. A request for 128 SOP classes with 14 transfer
syntaxes and a role each has 2,200."""
NOT_SPECIFIED, UNRECOGNISED, UNEXPECTED, INVALID = 0x00, 0x01, 0x02, 0x06
"""Reasons of an A-ABORT by the service provider: none, an unrecognised or unexpected PDU, and an
invalid value of a PDU's parameter (PS3.8, 9.3.8)."""
TLS_HANDSHAKE = b"\x16"
"""First byte of a connection with TLS: the type of the record (RFC 8446, 5.1). No PDU has it."""
_TYPE = 0x01
_CONTEXT, _USER_INFORMATION = 0x20, 0x50
_FIXED_BYTES = 68
"""Protocol version, AE titles and reserved bytes, before the items."""
_CONTEXT_FIXED_BYTES = 4
"""Identifier and reserved bytes of a presentation context, before its sub-items."""


class InvalidRequest(Exception):
    """The bytes are no A-ASSOCIATE-RQ that can be accepted."""

    def __init__(self, problem: str, reason: int) -> None:
        """`reason`: of the A-ABORT (PS3.8, 9.3.8)."""
        super().__init__(problem)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """Who wants an association with whom."""

    calling: str
    """Calling AE title; what is not printable is replaced by `?`."""
    called: str


def request_bytes(start: bytes | bytearray) -> int:
    """How many bytes a connection that begins with `start` sends before it waits for an answer.

    Six as long as `start` is shorter. Raises InvalidRequest as soon as the bytes show it.
    """
    if start[:1] == TLS_HANDSHAKE:
        raise InvalidRequest("it begins with TLS, and this port has none", UNRECOGNISED)
    if start and start[0] != _TYPE:
        raise InvalidRequest("it does not begin with an association request", UNRECOGNISED)
    if len(start) < HEADER_BYTES:
        return HEADER_BYTES
    (length,) = struct.unpack_from(">I", start, 2)
    if not _FIXED_BYTES <= length <= MAX_REQUEST_BYTES:
        raise InvalidRequest(
            f"its association request states a length of {length:,} bytes", INVALID
        )
    return HEADER_BYTES + int(length)


def parsed(pdu: bytes) -> AssociationRequest:
    """The request in a complete PDU; raises InvalidRequest for too many items or wrong lengths."""
    contexts = items = 0
    for kind, value in _items(pdu[HEADER_BYTES + _FIXED_BYTES :]):
        contexts += kind == _CONTEXT
        items += 1
        if kind in (_CONTEXT, _USER_INFORMATION):
            items += sum(1 for _ in _items(value[_CONTEXT_FIXED_BYTES * (kind == _CONTEXT) :]))
        if contexts > MAX_CONTEXTS or items > MAX_ITEMS:
            raise InvalidRequest("its association request has too many items", INVALID)
    return AssociationRequest(calling=_title(pdu[26:42]), called=_title(pdu[10:26]))


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each item: type, a reserved byte, two bytes of length, the value."""
    start = 0
    while start < len(data):
        kind, length = data[start], int.from_bytes(data[start + 2 : start + 4], "big")
        end = start + 4 + length
        if end > len(data):
            raise InvalidRequest("an item of its association request is incomplete", INVALID)
        yield kind, data[start + 4 : end]
        start = end


def _title(value: bytes) -> str:
    """An AE title (PS3.5, 6.2) that may be logged."""
    return "".join(chr(n) if 0x20 <= n < 0x7F else "?" for n in value).strip()
