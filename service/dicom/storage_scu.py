"""The storage SCU (PS3.4, Annex B): sends one DICOM file to a peer by C-STORE."""

from pathlib import Path

from pynetdicom import AE
from pynetdicom.association import Association

from imaging.formats.dicom.instance_identity import identify
from service.dicom.peer_errors import is_temporary, peer_error
from service.resources.peers import Peer

_PERMANENT = 1
"""Result of an A-ASSOCIATE-RJ (PS3.8, 9.3.4)."""


def store(peer: Peer, path: Path, calling: str) -> None:
    """Sends the file; raises PeerUnavailable, PeerRefused. `calling`: our AE title."""
    instance = identify(path)
    entity = AE(calling)
    entity.connection_timeout = entity.acse_timeout = entity.network_timeout = peer.timeout_s
    entity.dimse_timeout = max(peer.timeout_s, 60.0)
    entity.add_requested_context(instance.sop_class, instance.transfer_syntax)
    association = entity.associate(str(peer.host), int(peer.port or 0), ae_title=str(peer.ae_title))
    if not association.is_established:
        raise _not_established(peer, association)
    try:
        response = association.send_c_store(path)
    finally:
        association.release() if association.is_established else association.abort()
    status = response.get("Status")
    if status is None:
        raise peer_error(peer, "no response to C-STORE", temporary=True)
    if status and status >> 12 != 0xB:  # BxxxH is a warning: the object is stored
        raise peer_error(peer, f"C-STORE status {status:04X}H", temporary=is_temporary(status))


def _not_established(peer: Peer, association: Association) -> Exception:
    if association.rejected_contexts:  # accepted, but without a presentation context
        return peer_error(peer, "it does not store this kind of object", temporary=False)
    if not association.is_rejected:
        return peer_error(peer, "no connection, or the connection was lost", temporary=True)
    response = association.acceptor.primitive
    permanent = response is not None and response.result == _PERMANENT
    return peer_error(
        peer,
        "it rejected the association; check the AE titles on both sides",
        temporary=not permanent,
    )
