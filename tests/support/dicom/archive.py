"""An archive that stores what it is told to store, and commits it or not, by pynetdicom."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    Verification,
)

from service.resources.peers import Peer
from tests.support.ports import free_port

SEG, LABELMAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
SR = "1.2.840.10008.5.1.4.1.1.88.34"


@dataclass
class Archive:
    """What the archive received."""

    port: int
    status: int = 0x0000
    """Its answer to a C-STORE of a label map."""
    lost: int = 0
    """FailureReason of its reports; 0: it keeps what it stores."""
    stored: list[str] = field(default_factory=list)
    """SOP classes."""
    objects: list[Dataset] = field(default_factory=list)
    requests: list[Dataset] = field(default_factory=list)
    """Requests for storage commitment."""

    def peer(self, **changes: Any) -> Peer:
        where = {"name": "archive", "host": "127.0.0.1", "port": self.port, "ae_title": "ARCHIVE"}
        return Peer.model_validate({**where, "timeout_s": 5, **changes})

    def store(self, event: evt.Event) -> int:
        sop_class = str(event.request.AffectedSOPClassUID)
        if sop_class == LABELMAP and self.status:
            return self.status
        self.stored.append(sop_class)
        self.objects.append(event.dataset)
        self.objects[-1].file_meta = event.file_meta
        return 0x0000

    def information(self, request: Dataset) -> tuple[int, Dataset]:
        """Event type and Event Information of the report (PS3.4, table J.3-2)."""
        report = Dataset()
        report.TransactionUID = request.TransactionUID
        (item,) = request.ReferencedSOPSequence
        if self.lost:
            item.FailureReason = self.lost
            report.FailedSOPSequence = [item]
            return 2, report
        report.ReferencedSOPSequence = [item]
        return 1, report

    def report(self, request: Dataset, port: int) -> int:
        """Reports on an association that the archive opens; returns the status."""
        entity = AE("ARCHIVE")
        entity.add_requested_context(StorageCommitmentPushModel)
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        kind, report = self.information(request)
        talk = entity.associate("127.0.0.1", port, ae_title="TESSERA", ext_neg=[role])
        assert talk.is_established
        answer, _ = talk.send_n_event_report(
            report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
        )
        talk.release()
        return int(answer.Status)


@contextmanager
def archive(
    classes: Sequence[str] = (SEG, LABELMAP),
    *,
    commits: bool = False,
    offers: bool = True,
    **behaviour: Any,
) -> Iterator[Archive]:
    """An archive that stores these classes; `offers`: storage commitment as well.

    `commits`: it reports on the same association.
    """
    found = Archive(free_port(), **behaviour)
    entity = AE("ARCHIVE")
    entity.add_supported_context(Verification)
    for kind in classes:
        entity.add_supported_context(kind)
    if offers:
        entity.add_supported_context(StorageCommitmentPushModel)

    def act(event: evt.Event) -> tuple[int, None]:
        found.requests.append(event.action_information)
        if commits:
            threading.Thread(target=_report_here, args=(found, event)).start()
        return 0x0000, None

    handlers: list[Any] = [(evt.EVT_C_STORE, found.store), (evt.EVT_N_ACTION, act)]
    entity.start_server(("127.0.0.1", found.port), block=False, evt_handlers=handlers)
    yield found
    entity.shutdown()


def _report_here(archive: Archive, event: evt.Event) -> None:
    kind, report = archive.information(event.action_information)
    event.assoc.send_n_event_report(
        report, kind, StorageCommitmentPushModel, StorageCommitmentPushModelInstance
    )
