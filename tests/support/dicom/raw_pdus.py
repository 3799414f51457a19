"""PDUs as bytes (PS3.8, 9.3), for senders that do what no library does."""

import socket
import struct
from collections.abc import Iterable

MR = "1.2.840.10008.5.1.4.1.1.4"
EXPLICIT = "1.2.840.10008.1.2.1"
RELEASE = bytes((5, 0, 0, 0, 0, 4, 0, 0, 0, 0))
REJECTED_FOR_NOW = bytes((3, 0, 0, 0, 0, 4, 0, 2, 3, 2))
"""A-ASSOCIATE-RJ: rejected-transient, local-limit-exceeded."""


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU; `length`: what its header states instead of the true length."""
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BBH", kind, 0, len(value)) + value


def association_request(
    calling: str = "SCANNER",
    called: str = "TESSERA",
    *,
    contexts: int = 1,
    syntaxes: int = 1,
    roles: int = 0,
    empty_items: int = 0,
) -> bytes:
    """An A-ASSOCIATE-RQ for MR images in presentation contexts 1, 3, 5 and so on."""
    proposed = item(0x30, MR.encode()) + item(0x40, EXPLICIT.encode()) * syntaxes
    user = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3")
    role = item(0x54, struct.pack(">H", len(MR)) + MR.encode() + b"\1\0")
    return pdu(
        1,
        struct.pack(">HH", 1, 0)
        + f"{called:16}{calling:16}".encode()
        + bytes(32)
        + item(0x10, b"1.2.840.10008.3.1.1.1")
        + b"".join(
            item(0x20, bytes(((2 * n + 1) % 256, 0, 0, 0)) + proposed) for n in range(contexts)
        )
        + item(0x50, user + role * roles + item(0x5A, b"") * empty_items),
    )


def data(control: int, fragment: bytes, context: int = 1) -> bytes:
    """A P-DATA-TF of one fragment. `control`: 3 for a whole command, 2 for the last part of a data
    set, 0 for another one (PS3.8, E.2)."""
    return pdu(4, struct.pack(">IBB", len(fragment) + 2, context, control) + fragment)


def store_command(instance: str | None, *, with_data: bool = True) -> bytes:
    """The command set of a C-STORE request (PS3.7, 9.3.1), implicit VR little endian."""
    elements = [
        (0x0002, _even(MR)),
        (0x0100, struct.pack("<H", 0x0001)),
        (0x0110, struct.pack("<H", 7)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", 0x0001 if with_data else 0x0101)),
    ]
    if instance is not None:
        elements.append((0x1000, _even(instance)))
    encoded = b"".join(struct.pack("<HHI", 0, n, len(v)) + v for n, v in elements)
    return struct.pack("<HHII", 0, 0, 4, len(encoded)) + encoded


def status_of(answer: bytes) -> int:
    """The status in the P-DATA-TF of a response."""
    at = answer.index(struct.pack("<HHI", 0, 0x0900, 2))
    return int.from_bytes(answer[at + 8 : at + 10], "little")


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection from a loopback address, with a limit to how long it waits."""
    line = socket.create_connection(("127.0.0.1", port), 60, source_address=(source, 0))
    line.settimeout(60)
    return line


def associated(port: int, source: str = "127.0.0.1") -> socket.socket:
    """A connection whose association is accepted."""
    line = connect(port, source)
    line.sendall(association_request())
    assert received(line)[:1] == b"\2"
    return line


def received(line: socket.socket) -> bytes:
    """The next PDU; empty if the connection was closed."""
    header = _exactly(line, 6)
    return header + _exactly(line, int.from_bytes(header[2:6], "big")) if len(header) == 6 else b""


def is_closed(line: socket.socket) -> bool:
    """Waits for the end of the connection; whatever is sent before it is ignored."""
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def close(lines: Iterable[socket.socket]) -> None:
    for line in lines:
        line.close()


def _exactly(line: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        try:
            block = line.recv(count - len(got))
        except ConnectionResetError:
            return got
        if not block:
            return got
        got += block
    return got


def _even(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)
