"""The storage commitment SCU (PS3.4, Annex J): asks a peer to confirm that it keeps an object."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made at import
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)

from imaging.errors import BadRequest
from imaging.formats.dicom.commitment import CommitmentReport, report_of, request_of
from jobs.delivery import Delivery
from service.dicom.peer_errors import is_temporary, peer_error
from service.dicom.storage_scu import associated
from service.resources.peers import ObjectRefused, Peer

REQUEST = 1
"""Action Type ID of a request for storage commitment (PS3.4, J.3.2.1)."""
SUCCESS = 0x0000
INVALID_ARGUMENT = 0x0115
"""Statuses of N-ACTION and N-EVENT-REPORT (PS3.7, C)."""

Record = Callable[[CommitmentReport], bool]
"""Stores a report; False if it belongs to no request that is open."""


@contextmanager
def requested(
    peer: Peer, sent: Delivery, calling: str, record: Record
) -> Iterator[threading.Event]:
    """Asks the peer to commit what was sent; raises PeerUnavailable, PeerRefused.

    The peer reports on an association that it opens to us, or on this one, which is open in the
    context. Yields an event that is set when this association has brought the report, or has ended.
    `calling`: our AE title.
    """
    over = threading.Event()

    def answer(event: Event) -> tuple[int, None]:
        status = received(event, record)
        over.set()
        return status, None

    def closed(_: Event) -> None:
        over.set()

    entity = AE(calling)
    entity.add_requested_context(StorageCommitmentPushModel)
    try:
        handlers = [(evt.EVT_N_EVENT_REPORT, answer), (evt.EVT_CONN_CLOSE, closed)]
        with associated(peer, entity, handlers) as association:
            _send(peer, association, sent)
            yield over
    except ObjectRefused:
        raise peer_error(peer, "it offers no storage commitment", temporary=False) from None


def received(event: Event, record: Record) -> int:
    """The status for an N-EVENT-REPORT, whose content `record` stores."""
    try:
        report = report_of(event.event_information)
    except BadRequest:
        return INVALID_ARGUMENT
    return SUCCESS if record(report) else INVALID_ARGUMENT


def _send(peer: Peer, association: Association, sent: Delivery) -> None:
    wanted = request_of(str(sent.transaction), str(sent.sop_class), str(sent.sop_instance))
    response, _ = association.send_n_action(
        wanted, REQUEST, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
    status = response.get("Status")
    if status is None:
        raise peer_error(peer, "no response to N-ACTION", temporary=True)
    if status:
        reason = f"it refused storage commitment with N-ACTION status {status:04X}H"
        raise peer_error(peer, reason, temporary=is_temporary(status))
