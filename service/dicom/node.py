"""The DICOM node: storage SCP, series router, and what sends to peers; it starts and stops all.

DICOM's network libraries take a second to import, so a gateway without archives does not import
them: each method imports what it starts.
"""

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jobs import repository
from jobs.repository import Deliveries, Jobs, Reviews
from jobs.settings import Settings
from service.auth import Authenticator
from service.resources.dicom_metrics import DicomMetrics
from service.resources.routing_table import RoutingTable
from service.resources.scratch import Scratch
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.orders import Orders
from service.use_cases.received_data import ReceivedData
from service.use_cases.result_files import ResultFiles
from service.use_cases.scan_intake import ScanIntake
from service.use_cases.storage_room import StorageRoom

if TYPE_CHECKING:
    from service.dicom.commitments import Commitments

logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)  # it logs UIDs and values


class NodeThread(Protocol):
    """A thread of the node."""

    def start(self) -> None:
        """Starts the thread."""

    def stop(self) -> None:
        """Ends the thread."""


@dataclass(frozen=True, slots=True)
class NodeParts:
    """What the node's services use."""

    settings: Settings
    routing: RoutingTable
    intake: ScanIntake
    orders: Orders
    jobs: Jobs
    deliveries: Deliveries
    commitments: repository.Commitments
    reviews: Reviews
    results: ResultFiles
    scratch: Scratch
    authenticator: Authenticator
    room: StorageRoom
    metrics: DicomMetrics
    recorder: AuditRecorder
    received: ReceivedData


class DicomNode:
    """Receives if `dicom_port` is set, and sends to each peer of the routing table."""

    def __init__(self, parts: NodeParts) -> None:
        self._parts = parts
        self._stack = ExitStack()

    def start(self) -> None:
        """Raises BadRequest if another process has the port or the inbox."""
        with ExitStack() as stack:
            if self._parts.settings.dicom_port:
                self._receive(stack)
            for thread in (*self.senders(), *self.requesters()):
                stack.callback(thread.stop)
                thread.start()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        """Stops everything; what is received and not taken in yet stays for the next start."""
        self._stack.close()

    def _receive(self, stack: ExitStack) -> None:
        from service.dicom.series_inbox import SeriesInbox
        from service.dicom.series_router import SeriesRouter
        from service.dicom.storage_scp import StorageScp

        parts = self._parts
        inbox = SeriesInbox(parts.settings, parts.received.keeps_series)
        stack.callback(inbox.close)
        router = SeriesRouter(
            inbox,
            parts.routing,
            parts.intake,
            parts.orders,
            parts.scratch,
            parts.authenticator,
            parts.metrics,
            parts.recorder,
            room=parts.room,
        )
        scp = StorageScp(
            parts.settings,
            inbox,
            parts.authenticator,
            self._commitments(),
            parts.metrics,
            parts.recorder,
            room=parts.room,
            callers=parts.routing.callers,
        )
        stack.callback(router.stop)
        stack.callback(scp.stop)
        router.start()

    def _commitments(self) -> "Commitments":
        from service.dicom.commitments import Commitments

        settings = self._parts.settings
        return Commitments(
            self._parts.commitments, settings.dicom_ae_title, bool(settings.dicom_port)
        )

    def senders(self) -> list[NodeThread]:
        """A delivery sender for each peer, not started."""
        if not self._parts.routing.peer:
            return []
        from service.dicom.delivery_sender import DeliverySender, SenderParts

        parts = self._parts
        shared = SenderParts(
            deliveries=parts.deliveries,
            jobs=parts.jobs,
            reviews=parts.reviews,
            results=parts.results,
            scratch=parts.scratch,
            authenticator=parts.authenticator,
            metrics=parts.metrics,
            recorder=parts.recorder,
            ae_title=parts.settings.dicom_ae_title,
            poll_s=parts.settings.sweep_interval_s,
        )
        return [DeliverySender(shared, peer) for peer in parts.routing.peer]

    def requesters(self) -> list[NodeThread]:
        """A commitment requester for each peer with storage commitment, not started."""
        committing = [peer for peer in self._parts.routing.peer if peer.storage_commitment]
        if not committing:
            return []
        from service.dicom.commitment_requester import CommitmentRequester, RequesterParts

        parts = self._parts
        shared = RequesterParts(
            commitments=self._commitments(),
            jobs=parts.jobs,
            authenticator=parts.authenticator,
            poll_s=parts.settings.sweep_interval_s,
        )
        return [CommitmentRequester(shared, peer) for peer in committing]
