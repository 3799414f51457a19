"""The storage SCU (PS3.4, Annex B): sends one DICOM file to a peer by C-STORE."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined] # made at import
from pynetdicom.transport import AssociationSocket

from imaging.formats.dicom.instance_identity import InstanceIdentity
from service.dicom.pdu_socket import REQUESTOR_PDUS, PduSocket
from service.dicom.peer_connection import PeerConnection
from service.dicom.peer_errors import (
    is_temporary,
    object_refused,
    own_files,
    peer_error,
    peer_tls_error,
)
from service.resources.peers import Peer

_PERMANENT = 1
"""Result of an A-ASSOCIATE-RJ (PS3.8, 9.3.4)."""


def store(peer: Peer, path: Path, instance: InstanceIdentity, calling: str) -> None:
    """Sends the file, which holds `instance`; raises PeerUnavailable, PeerRefused, ObjectRefused.

    `calling`: our AE title.
    """
    entity = AE(calling)
    entity.add_requested_context(instance.sop_class, instance.transfer_syntax)
    with associated(peer, entity) as association:
        response = association.send_c_store(path)
    status = response.get("Status")
    if status is None:
        raise peer_error(peer, "no response to C-STORE", temporary=True)
    if status and status >> 12 != 0xB:  # BxxxH is a warning: the object is stored
        reason = f"C-STORE status {status:04X}H"
        if is_temporary(status):
            raise peer_error(peer, reason, temporary=True)
        raise object_refused(peer, reason)


def echo(peer: Peer, calling: str) -> None:
    """Verifies the connection (C-ECHO, PS3.4, Annex A); raises PeerUnavailable, PeerRefused."""
    entity = AE(calling)
    entity.add_requested_context(Verification)
    with associated(peer, entity) as association:
        response = association.send_c_echo()
    status = response.get("Status")
    if status is None:
        raise peer_error(peer, "no response to C-ECHO", temporary=True)
    if status:
        raise peer_error(peer, f"C-ECHO status {status:04X}H", temporary=is_temporary(status))


def exchange_limit_s(peer: Peer) -> float:
    """How long connection, association, the response to one request and the release take at most.

    Over DICOMweb, connection and response to one request take less.
    """
    return 3 * peer.timeout_s + _response_limit_s(peer)


@contextmanager
def associated(peer: Peer, entity: AE, handlers: Sequence[Any] = ()) -> Iterator[Association]:
    """An association with the peer, for the contexts that `entity` requests.

    Raises PeerUnavailable, PeerRefused, and ObjectRefused if the peer accepts none of the contexts.
    """
    entity.connection_timeout = entity.acse_timeout = entity.network_timeout = peer.timeout_s
    entity.dimse_timeout = _response_limit_s(peer)
    with own_files(peer):
        secured = PeerConnection(peer) if peer.tls else None
    association = entity.associate(
        str(peer.host),
        int(peer.port or 0),
        ae_title=str(peer.ae_title),
        evt_handlers=[(evt.EVT_CONN_OPEN, _bound_pdus), *handlers],
        tls_args=secured.arguments if secured else None,
    )
    if not association.is_established:
        if secured and secured.problem:
            raise peer_tls_error(peer, secured.problem)
        raise _not_established(peer, association)
    try:
        yield association
    finally:
        association.release() if association.is_established else association.abort()


def _bound_pdus(event: Event) -> None:
    """pynetdicom waits without end for the rest of a PDU, of which it believes the length."""
    upper_layer = event.assoc.dul
    upper_layer.socket = PduSocket(cast("AssociationSocket", upper_layer.socket), REQUESTOR_PDUS)


def _response_limit_s(peer: Peer) -> float:
    return max(peer.timeout_s, 60.0)


def _not_established(peer: Peer, association: Association) -> Exception:
    if association.rejected_contexts:  # accepted, but without a presentation context
        return object_refused(peer, "it does not accept this SOP class")
    if not association.is_rejected:
        return peer_error(peer, "no connection, or the connection was lost", temporary=True)
    response = association.acceptor.primitive
    permanent = response is not None and response.result == _PERMANENT
    return peer_error(
        peer,
        "it rejected the association; check the AE titles on both sides",
        temporary=not permanent,
    )
