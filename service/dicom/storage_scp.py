"""The storage and verification SCP: C-STORE and C-ECHO (PS3.4, Annexes B and A)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Thread
from typing import Any, cast

from pynetdicom import _config, evt
from pynetdicom.association import Association
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event

from imaging.errors import BadRequest, Forbidden, TesseraError, Unauthenticated
from jobs import problem
from jobs.audit.event import AuditOutcome
from jobs.settings import Settings
from service.auth import ANONYMOUS, Authenticator, Permission, Principal, requires
from service.dicom.application_entity import application_entity
from service.dicom.association_server import BoundedAssociationServer
from service.dicom.association_slots import AssociationSlots
from service.dicom.caller_certificates import CallerCertificates
from service.dicom.caller_records import CallerRecords
from service.dicom.commitments import Commitments
from service.dicom.incomplete_requests import IncompleteRequests
from service.dicom.message_limits import MessageLimits
from service.dicom.refusals import Refusals
from service.dicom.series_inbox import SeriesInbox
from service.dicom.storage_commitment import received
from service.dicom.store_status import (
    NOT_AUTHORIZED,
    OUT_OF_RESOURCES,
    PROCESSING_FAILURE,
    SUCCESS,
    failure_status,
)
from service.resources.dicom_metrics import DicomMetrics
from service.resources.routing_table import Caller
from service.tls.configured import dicom_tls
from service.use_cases.audit_recorder import AuditRecorder, outcome_of
from service.use_cases.storage_room import StorageRoom

logger = logging.getLogger("tessera.dicom")


class StorageScp:
    """Listens from its creation until `stop`."""

    def __init__(
        self,
        settings: Settings,
        inbox: SeriesInbox,
        authenticator: Authenticator,
        commitments: Commitments,
        metrics: DicomMetrics,
        recorder: AuditRecorder,
        room: StorageRoom | None = None,
        callers: Sequence[Caller] = (),
    ) -> None:
        """`room`: None: projects may store any number of bytes. `callers`: who may call only with a
        certificate. Raises BadRequest if the port or a file of its certificate cannot be used."""
        _config.LOG_HANDLER_LEVEL = "none"
        self._inbox = inbox
        self._commitments = commitments
        self._room = room
        self._metrics = metrics
        self._refusals = Refusals(metrics)
        self._records = CallerRecords(authenticator, recorder, self._refusals)
        self._incomplete = IncompleteRequests(self._records, metrics)
        self._limits = MessageLimits(settings.dicom_max_instance_bytes, self._refusals)
        self._server = self._listening(settings, CallerCertificates(callers))
        Thread(target=self._server.serve_forever, name="dicom-port", daemon=True).start()

    def _listening(
        self, settings: Settings, callers: CallerCertificates
    ) -> BoundedAssociationServer:
        tls = dicom_tls(settings)
        try:
            server = application_entity(settings).make_server(
                (settings.dicom_host, settings.dicom_port),
                evt_handlers=self._handlers(),
                server_class=BoundedAssociationServer,
                slots=AssociationSlots(
                    settings.dicom_max_associations, settings.dicom_max_associations_per_address
                ),
                refusals=self._refusals,
                ended=self._ended,
                tick=self._tick,
                request_timeout_s=settings.dicom_request_timeout_s,
                tls=tls,
                callers=callers,
                is_stranger=self._records.is_stranger,
            )
            return cast("BoundedAssociationServer", server)
        except OSError as error:
            raise BadRequest(
                f"The gateway cannot listen on {settings.dicom_host}, port {settings.dicom_port}.",
                expected="A free port, above 1023 unless this process may use lower ones.",
                hint="Set TESSERA_DICOM_PORT or TESSERA_DICOM_HOST to another value.",
            ) from error

    def stop(self) -> None:
        """Aborts all associations; a sender sends again what was not stored."""
        self._server.shutdown()

    @property
    def operations(self) -> Mapping[Any, Callable[..., int]]:
        """Every DIMSE service that is answered, with the operation behind it."""
        return {
            evt.EVT_C_ECHO: self.echo,
            evt.EVT_C_STORE: self.store,
            evt.EVT_N_EVENT_REPORT: self.report_commitment,
        }

    @requires(Permission.PUBLIC)
    def echo(self, _: Principal, _event: Event) -> int:
        """C-ECHO: the status of a verification."""
        return SUCCESS

    @requires(Permission.SCANS_WRITE)
    def store(self, principal: Principal, event: Event) -> int:
        """C-STORE: success means that the file is on the disk."""
        if self._room is not None:
            self._room.check(principal.project, _size(event))
        sender = id(event.assoc)
        instance = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]
        self._inbox.receive(_file(event), instance, sender)
        return SUCCESS

    @requires(Permission.DELIVERIES_WRITE)
    def report_commitment(self, _: Principal, event: Event) -> int:
        """N-EVENT-REPORT: a peer reports which of our results it keeps (PS3.4, J.3.3)."""
        return received(event, self._commitments.record)

    def _handlers(self) -> list[Any]:
        return [
            (evt.EVT_C_ECHO, self._answer_echo),
            (evt.EVT_C_STORE, self._answer_store),
            (evt.EVT_N_EVENT_REPORT, self._answer_report),
            (evt.EVT_DATA_RECV, self._limits.count),
            (evt.EVT_ACCEPTED, self._accepted),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_DIMSE_RECV, self._incomplete.answer_invalid),
        ]

    def _answer_echo(self, event: Event) -> int:
        self._limits.end(event.assoc)
        return self.echo(ANONYMOUS, event)

    def _answer_store(self, event: Event) -> int:
        status = self._status_of_store(event)
        self._metrics.image_answered(status)
        return status

    def _status_of_store(self, event: Event) -> int:
        self._limits.end(event.assoc)
        try:
            return self.store(self._records.principal(event.assoc), event)
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            if not isinstance(error, TesseraError):
                problem.logged(error, logger)
                return OUT_OF_RESOURCES
            self._records.image_refused(event.assoc, error.detail)
            if outcome_of(error) is AuditOutcome.DENIED:
                self._records.image_denied(event.assoc)
            return failure_status(error)

    def _answer_report(self, event: Event) -> tuple[int, None]:
        self._limits.end(event.assoc)
        try:
            return self.report_commitment(self._records.principal(event.assoc), event), None
        except (Unauthenticated, Forbidden):
            return NOT_AUTHORIZED, None
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            problem.logged(error, logger)
            return PROCESSING_FAILURE, None

    def _accepted(self, event: Event) -> None:
        self._records.accepted(event.assoc)

    def _rejected(self, event: Event) -> None:
        self._records.rejected(event.assoc)

    def _released(self, event: Event) -> None:
        self._inbox.association_ended(id(event.assoc), released=True)

    def _tick(self) -> None:
        self._refusals.summarise()
        for association in self._limits.stalled():
            self._incomplete.answer_stalled(association)

    def _ended(self, association: Association) -> None:
        """An association has ended: after a release, or because it broke off."""
        self._limits.end(association)
        self._inbox.association_ended(id(association), released=False)


def _file(event: Event) -> Iterator[bytes]:
    """The data set as it was sent, as a DICOM file (PS3.10, 7)."""
    meta = event.file_meta
    meta.SourceApplicationEntityTitle = event.assoc.requestor.ae_title
    yield b"\0" * 128 + b"DICM"
    yield encode_file_meta(meta)
    yield event.encoded_dataset(include_meta=False)


def _size(event: Event) -> int:
    """Bytes of the data set."""
    return len(event.encoded_dataset(include_meta=False))
