"""C-STORE as a user (PS3.4, Annex B): one DICOM file to a named peer."""

from pathlib import Path

from pynetdicom import AE
from pynetdicom.association import Association

from imaging.formats.dicom.identity import identify
from service.dicom.peer_errors import passing, refusal
from service.resources.routing_table import Peer

_PERMANENT = 1
"""Result of an A-ASSOCIATE-RJ (PS3.8, 9.3.4)."""


def store(peer: Peer, path: Path, calling: str) -> None:
    """Sends it; raises PeerAway, PeerRefused."""
    found = identify(path)
    entity = AE(calling)
    entity.connection_timeout = entity.acse_timeout = entity.network_timeout = peer.timeout_s
    entity.dimse_timeout = max(peer.timeout_s, 60.0)
    entity.add_requested_context(found.sop_class, found.transfer_syntax)
    talk = entity.associate(str(peer.host), int(peer.port or 0), ae_title=str(peer.ae_title))
    if not talk.is_established:
        raise _not_established(peer, talk)
    try:
        answer = talk.send_c_store(path)
    finally:
        talk.release() if talk.is_established else talk.abort()
    status = answer.get("Status")
    if status is None:
        raise refusal(peer, "no answer to C-STORE", later=True)
    if status and status >> 12 != 0xB:  # a warning: stored all the same
        raise refusal(peer, f"C-STORE status {status:04X}H", later=passing(status))


def _not_established(peer: Peer, talk: Association) -> Exception:
    if talk.rejected_contexts:  # it was accepted, and nothing to be said in it
        return refusal(peer, "it does not store this kind of object", later=False)
    if not talk.is_rejected:
        return refusal(peer, "no connection, or one that broke off", later=True)
    answer = talk.acceptor.primitive
    permanent = answer is not None and answer.result == _PERMANENT
    return refusal(peer, "it rejects the association (AE titles?)", later=not permanent)
