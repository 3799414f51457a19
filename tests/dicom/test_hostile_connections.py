"""The DICOM port beside connections that are silent, slow, endless or senseless."""

import logging
import socket
import time
from collections.abc import Callable

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from service.dicom import (
    application_entity,
    association_server,
    message_limits,
    pdu_socket,
    refusals,
)
from service.dicom.association_request import InvalidRequest, parsed, request_bytes
from service.dicom.association_slots import AssociationSlots
from service.dicom.refusals import Refusal, Refusals
from service.resources.address_group import address_group
from tests.support.dicom.associations import associate, rejection, store
from tests.support.dicom.metrics import dicom_metrics
from tests.support.dicom.mr_series import series
from tests.support.dicom.raw_pdus import (
    REJECTED_FOR_NOW,
    RELEASE,
    associated,
    association_request,
    close,
    connect,
    data,
    is_closed,
    pdu,
    received,
    status_of,
    store_command,
)
from tests.support.dicom.receiver import Receiver
from tests.support.waiting import until

Open = Callable[..., Receiver]

pytestmark = pytest.mark.slow  # associations wait for each other


def sent_until_closed(line: socket.socket, start: bytes, most: int) -> int:
    """Sends `start` and then zeros; how many bytes the other side let through, at most `most`."""
    sent = 0
    try:
        line.sendall(start)
        while sent < most:
            line.sendall(bytes(1 << 16))
            sent += 1 << 16
    except OSError:
        pass
    return sent


@pytest.mark.parametrize(
    "start",
    [
        pdu(1, b"", 1_500_000_000),
        pdu(4, b"", 1_500_000_000),
        pdu(0x63, b"", 1_500_000_000),
        bytes(6),
        b"GET / HTTP/1.1\r\n",
    ],
    ids=["request", "data", "unknown", "zeros", "http"],
)
def test_a_long_pdu_is_not_read(opened: Open, start: bytes) -> None:
    here, most = opened(), 64 << 20
    with connect(here.port) as line:
        assert sent_until_closed(line, start, most) < most // 2
    assert here.refusals("invalid") == 1
    assert store(here.port, series(1)) == [0x0000]


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (pdu(4, b"", 1_500_000_000), 6),
        (pdu(4, b"", pdu_socket.MAX_DATA_BYTES + 1), 6),
        (pdu(5, b"", 5), 6),
        (association_request(), 2),
        (pdu(0x63, b"", 1_500_000_000), 1),
    ],
    ids=["data", "data-by-a-byte", "release", "second-request", "unknown"],
)
def test_a_long_pdu_in_an_association(opened: Open, start: bytes, reason: int) -> None:
    """The association is aborted with the reason before the length is read."""
    here = opened()
    with associated(here.port) as line:
        line.sendall(start)
        assert received(line) == bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, reason))
        assert is_closed(line)
    assert here.refusals("invalid") == 1
    assert store(here.port, series(1)) == [0x0000]


def test_a_data_pdu_that_exceeds_what_was_announced(opened: Open) -> None:
    """Some senders do not keep the announced length; their images are received."""
    here = opened()
    (image,) = series(1)
    with associated(here.port) as line:
        line.sendall(data(3, store_command(image.SOPInstanceUID)))
        line.sendall(data(2, bytes(100_000)))
        assert status_of(received(line)) == 0xC000  # it was read, and is no data set
        line.sendall(RELEASE)
        assert received(line)[:1] == b"\6"


def test_a_data_pdu_of_six_bytes_is_not_taken_for_a_header(opened: Open) -> None:
    here = opened()
    with associated(here.port) as line:
        line.sendall(data(3, store_command("1.2.3")))
        line.sendall(data(0, b"") + data(2, b"\xff\xff"))
        assert status_of(received(line)) == 0xC000


def test_silent_connections_do_not_shut_out_a_sender(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From two addresses, more than there is space for; the request time-out plays no part."""
    monkeypatch.setattr(association_server, "MOST_WAITING", 16)
    here = opened(dicom_request_timeout_s=3600.0)
    silent = [connect(here.port, f"127.0.0.{2 + n % 2}") for n in range(60)]
    try:
        assert store(here.port, series(3)) == [0x0000] * 3
        assert here.refusals("too-many-connections") >= 40
    finally:
        close(silent)


def test_the_address_with_the_most_silent_connections_loses_one(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that waits from another address is left alone."""
    monkeypatch.setattr(association_server, "MOST_WAITING", 8)
    here = opened(dicom_request_timeout_s=3600.0)
    slow = connect(here.port, "127.0.0.9")
    silent = [connect(here.port, "127.0.0.2") for _ in range(30)]
    try:
        until(lambda: here.refusals("too-many-connections") == 23)
        assert all(is_closed(line) for line in silent[:23])
        slow.sendall(association_request())
        assert received(slow)[:1] == b"\2"
    finally:
        close([slow, *silent])


def test_a_connection_without_a_request_is_closed(opened: Open) -> None:
    """Whether it is silent, stops in the middle, or sends byte by byte."""
    here = opened(dicom_request_timeout_s=0.5)
    with connect(here.port) as silent, connect(here.port) as half, connect(here.port) as slow:
        half.sendall(association_request()[:100])
        request = association_request()
        try:
            for n in range(len(request)):
                slow.sendall(request[n : n + 1])
                time.sleep(0.02)
        except OSError:
            pass
        assert is_closed(silent)
        assert is_closed(half)
        assert is_closed(slow)
    assert here.refusals("too-slow") == 3


def test_a_request_in_pieces(opened: Open) -> None:
    request = association_request(contexts=128, syntaxes=14)
    with connect(opened().port) as line:
        for start in range(0, len(request), 5000):
            line.sendall(request[start : start + 5000])
            time.sleep(0.01)
        assert received(line)[:1] == b"\2"


def test_half_closed(opened: Open) -> None:
    """A peer that ends its side: before its request, after half of it, within an association."""
    here = opened(dicom_max_associations=1)
    for start in (b"", association_request()[:50]):
        with connect(here.port) as line:
            line.sendall(start)
            line.shutdown(socket.SHUT_WR)
            assert is_closed(line)
    with associated(here.port) as line:
        line.shutdown(socket.SHUT_WR)
        assert is_closed(line)
    until(lambda: _stored(here))


def test_a_pdu_that_stops_in_the_middle_frees_its_slot(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdu_socket, "PDU_TIMEOUT_S", 0.5)
    here = opened(dicom_max_associations=1)
    with associated(here.port) as line:
        line.sendall(data(3, store_command("1.2.3"))[:20])
        assert is_closed(line)
    assert here.refusals("too-slow") == 1
    until(lambda: _stored(here))


def test_a_message_that_drips_is_aborted(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every PDU is complete, and the data set never."""
    monkeypatch.setattr(message_limits, "GRACE_S", 0.3)
    here = opened(dicom_max_associations=1)
    with associated(here.port) as line:
        line.sendall(data(3, store_command("1.2.3")))
        assert _dripped(line)
    assert here.refusals("too-slow") == 1
    until(lambda: _stored(here))


def test_data_that_never_come(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_entity, "IDLE_S", 0.5)
    here = opened(dicom_max_associations=1)
    with associated(here.port) as line:
        line.sendall(data(3, store_command("1.2.3")))
        assert is_closed(line)
    until(lambda: _stored(here))


def test_a_peer_that_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given one that takes no answer, sending ends as if the connection were closed."""
    monkeypatch.setattr(pdu_socket, "PDU_TIMEOUT_S", 0.2)
    association = Association(AE("TESSERA"), "acceptor")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        opened_ = AssociationSocket(association, client_socket=ours)
        assert association.dul.event_queue.get() == "Evt5"
        line = pdu_socket.PduSocket(opened_, pdu_socket.ACCEPTOR_PDUS)
        line.send(b"ok")
        assert theirs.recv(2) == b"ok"
        line.send(bytes(64 << 20))
        assert association.dul.event_queue.get() == "Evt17"


def test_a_connection_that_another_thread_closed_has_ended() -> None:
    association = Association(AE("TESSERA"), "acceptor")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        opened_ = AssociationSocket(association, client_socket=ours)
        line = pdu_socket.PduSocket(opened_, pdu_socket.ACCEPTOR_PDUS)
        assert not line.ready
        ours.close()
        assert not line.ready
        assert [association.dul.event_queue.get() for _ in range(2)] == ["Evt5", "Evt17"]


def test_an_empty_data_set_is_answered(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the request says that there is none, it has no bytes, or it does not come."""
    monkeypatch.setattr(message_limits, "STALLED_S", 0.3)
    here, command = opened(), data(3, store_command("1.2.3"))
    with associated(here.port) as line:
        for request in (
            data(3, store_command("1.2.3", with_data=False)),
            command + data(2, b""),
            command,
            data(3, store_command(None)) + data(2, b"12"),
        ):
            line.sendall(request)
            assert status_of(received(line)) == 0xC000
        line.sendall(RELEASE)
        assert received(line)[:1] == b"\6"
    assert here.refusals("image") == 4
    assert here.files() == []


def test_an_address_has_a_share_of_the_associations(opened: Open) -> None:
    """The next one is rejected for now, and another address is served."""
    here = opened(dicom_max_associations=4, dicom_max_associations_per_address=3)
    lines = [associated(here.port, "127.0.0.2") for _ in range(3)]
    try:
        with connect(here.port, "127.0.0.2") as line:
            line.sendall(association_request())
            assert received(line) == REJECTED_FOR_NOW
            assert is_closed(line)
        with associated(here.port, "127.0.0.3"), connect(here.port, "127.0.0.4") as line:
            line.sendall(association_request())
            assert received(line) == REJECTED_FOR_NOW
        lines.pop().close()
        until(lambda: _is_accepted(here.port, "127.0.0.2"))
    finally:
        close(lines)
    assert here.refusals("too-many-associations") >= 2


def test_a_request_that_the_library_refuses_frees_its_slot_at_once(opened: Open) -> None:
    """Of another protocol version, from the 6th byte on."""
    here, request = opened(), bytearray(association_request())
    request[7] = 2
    for _ in range(20):
        with connect(here.port) as line:
            line.sendall(request)
            assert received(line)[0] == 3  # A-ASSOCIATE-RJ
    assert store(here.port, series(1)) == [0x0000]


def test_an_association_that_ends_in_an_error_of_the_library_frees_its_slot(opened: Open) -> None:
    """An empty fragment raises an IndexError in pynetdicom."""
    here = opened(dicom_max_associations=1)
    for _ in range(3):
        line = until(lambda: _accepted(here.port))
        assert line is not None
        with line:
            line.sendall(pdu(4, b"\0\0\0\1\1"))
            received(line)
    until(lambda: _stored(here))


@pytest.mark.parametrize(
    "request_",
    [
        association_request(contexts=129),
        association_request(contexts=100, syntaxes=60),
        association_request(empty_items=5000),
        pdu(1, association_request()[6:-3]),
    ],
    ids=["contexts", "syntaxes", "items", "incomplete-item"],
)
def test_absurd_requests(opened: Open, request_: bytes) -> None:
    here = opened()
    with connect(here.port) as line:
        line.sendall(request_)
        assert received(line) == bytes((7, 0, 0, 0, 0, 4, 0, 0, 2, 6))
        assert is_closed(line)
    assert store(here.port, series(1)) == [0x0000]


def test_the_parts_of_a_request() -> None:
    whole = association_request("CT\n1", "TESSERA", contexts=128, syntaxes=20, roles=128)
    assert request_bytes(whole) == len(whole)
    assert request_bytes(whole[:5]) == request_bytes(b"") == 6
    assert (parsed(whole).calling, parsed(whole).called) == ("CT?1", "TESSERA")
    with pytest.raises(InvalidRequest):
        request_bytes(b"\2")


def test_the_log_names_the_sender_and_stays_small(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    here = opened(dicom_allowed_callers=("CT1",))
    with caplog.at_level(logging.INFO):
        assert rejection(here.port, calling="STRANGER")
        until(lambda: here.refusals("ae-title") == 1)
        assert "127.0.0.1, calling AE title 'STRANGER'" in caplog.text
        for _ in range(300):
            with connect(here.port) as line:
                line.sendall(b"\0")
                is_closed(line)
        until(lambda: here.refusals("invalid") == 300)
    ours = [one for one in caplog.records if one.name == "tessera.dicom"]
    assert len(ours) <= refusals.LINES_PER_ADDRESS


def test_refusals_of_many_addresses_are_summed_up(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    log = Refusals(dicom_metrics(), clock=lambda: now)
    for n in range(1000):
        log.add(Refusal.INVALID, f"10.0.{n // 250}.{n % 250}", "", "it is no DICOM")
    for _ in range(20):
        log.add(Refusal.INVALID, "10.9.9.9", "", "it is no DICOM")
    assert len(caplog.records) == refusals.LINES
    now = refusals.WINDOW_S
    log.summarise()
    assert "990 more refusals" in caplog.records[-1].getMessage()
    log.summarise()
    log.add(Refusal.INVALID, "10.9.9.9", "", "it is no DICOM")
    assert len(caplog.records) == refusals.LINES + 2


def test_slots_and_groups_of_addresses() -> None:
    slots = AssociationSlots(3, 2)
    assert not slots.take("a")
    assert not slots.take("a")
    assert "its address" in slots.take("a")
    assert not slots.take("b")
    assert "all 3" in slots.take("c")
    slots.free("a")
    assert not slots.take("c")
    ten = AssociationSlots(10, 8)
    assert [bool(ten.take("a")) for _ in range(9)] == [False] * 8 + [True]
    assert [bool(ten.take("b")) for _ in range(2)] == [False, True]
    assert not ten.take("c"), "two addresses leave one for a third"
    strangers = AssociationSlots(10, 0)
    assert [bool(strangers.take(n, stranger=True)) for n in "aab"] == [False, False, True]
    assert not strangers.take("a")
    strangers.free("a", stranger=True)
    assert not strangers.take("b", stranger=True)
    unshared = AssociationSlots(2, 0)
    assert [bool(unshared.take("a")) for _ in range(3)] == [False, False, True]
    assert address_group("::ffff:10.1.2.3") == address_group("10.1.2.3")
    assert address_group("2001:db8::1%eth0") == address_group("2001:db8::ffff")
    assert address_group("2001:db8::1") != address_group("2001:db8:0:1::1")


def _stored(here: Receiver) -> bool:
    """Whether the only slot is free again."""
    talk = associate(here.port)
    accepted = talk.is_established
    talk.abort()
    return accepted


def _accepted(port: int, source: str = "127.0.0.1") -> socket.socket | None:
    line = connect(port, source)
    line.sendall(association_request())
    if received(line)[:1] == b"\2":
        return line
    line.close()
    return None


def _is_accepted(port: int, source: str) -> bool:
    line = _accepted(port, source)
    if line is not None:
        line.close()
    return line is not None


def _dripped(line: socket.socket) -> bool:
    """Sends a byte of the data set in a PDU of its own, until the connection is closed."""
    line.settimeout(0.02)
    for _ in range(1000):
        try:
            line.sendall(data(0, b"\0"))
            if not line.recv(100):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False
