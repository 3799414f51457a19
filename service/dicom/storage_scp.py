"""The storage and verification SCP: C-STORE and C-ECHO (PS3.4, Annexes B and A)."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from threading import Thread
from typing import Any, cast

from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined] # made at import
    StorageCommitmentPushModel,
    Verification,
)

from imaging.errors import (
    BadInput,
    BadRequest,
    Forbidden,
    TesseraError,
    Unauthenticated,
)
from imaging.formats.dicom.instance import is_image
from jobs import problem
from jobs.audit.event import AuditAction, AuditOutcome
from jobs.settings import Settings
from service.auth import (
    ANONYMOUS,
    Authenticator,
    DicomCaller,
    Permission,
    Principal,
    requires,
)
from service.dicom.association_server import BoundedAssociationServer
from service.dicom.association_slots import AssociationSlots, address_group
from service.dicom.caller_certificates import CallerCertificates
from service.dicom.commitments import Commitments
from service.dicom.message_limits import MessageLimits
from service.dicom.refusals import Refusal, Refusals
from service.dicom.series_inbox import DuplicateInstance, SeriesInbox
from service.dicom.storage_commitment import received
from service.resources.dicom_metrics import DicomMetrics
from service.resources.routing_table import Caller
from service.tls.configured import dicom_tls
from service.use_cases.audit_recorder import AuditRecorder, Deed, outcome_of
from service.use_cases.storage_room import StorageRoom

logger = logging.getLogger("tessera.dicom")

IDLE_S = 60.0
"""An association without data for this long is aborted."""
SUCCESS = 0x0000
NOT_AUTHORIZED = 0x0124
"""PS3.7, C.5.18."""
PROCESSING_FAILURE = 0x0110
"""Status of N-EVENT-REPORT (PS3.7, C.5.13)."""
DUPLICATE = 0x0111
"""PS3.7, C.5.7. Its table for C-STORE does not list it; senders treat it as a failure, and its name
says what is wrong."""
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
"""Statuses of C-STORE (PS3.4, B.2.3)."""
SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"),  # uncompressed
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"),  # deflated, RLE
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)),  # JPEG
    *(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91)),  # JPEG-LS, JPEG 2000
    *(f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203)),  # HTJ2K
)
"""Transfer syntaxes that can be decoded (PS3.6, A). Images are kept as they were sent."""

IMAGE_CLASSES = tuple(
    str(context.abstract_syntax)
    for context in AllStoragePresentationContexts
    if is_image(str(context.abstract_syntax))
)
"""Storage SOP Classes that are accepted: images only. An archive that forwards all new objects
would otherwise send us our own results."""


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
        self._authenticator = authenticator
        self._commitments = commitments
        self._room = room
        self._metrics = metrics
        self._recorder = recorder
        self._refusals = Refusals(metrics)
        self._limits = MessageLimits(settings.dicom_max_instance_bytes, self._refusals)
        self._server = self._listening(settings, CallerCertificates(callers))
        Thread(target=self._server.serve_forever, name="dicom-port", daemon=True).start()

    def _listening(
        self, settings: Settings, callers: CallerCertificates
    ) -> BoundedAssociationServer:
        tls = dicom_tls(settings)
        try:
            server = _entity(settings).make_server(
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
            (evt.EVT_DIMSE_RECV, self._answer_invalid),
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
            caller = DicomCaller(str(event.assoc.requestor.ae_title))
            return self.store(self._authenticator.authenticate(caller), event)
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            if not isinstance(error, TesseraError):
                problem.logged(error, logger)
                return OUT_OF_RESOURCES
            self._refuse(event.assoc, Refusal.IMAGE, f"an image: {error.detail}")
            if outcome_of(error) is AuditOutcome.DENIED:
                self._record(event.assoc, AuditAction.UPLOAD, AuditOutcome.DENIED)
            return _failure_status(error)

    def _answer_report(self, event: Event) -> tuple[int, None]:
        self._limits.end(event.assoc)
        try:
            caller = DicomCaller(str(event.assoc.requestor.ae_title))
            return self.report_commitment(self._authenticator.authenticate(caller), event), None
        except (Unauthenticated, Forbidden):
            return NOT_AUTHORIZED, None
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            problem.logged(error, logger)
            return PROCESSING_FAILURE, None

    def _refuse(self, association: Association, kind: Refusal, problem: str) -> None:
        requestor = association.requestor
        self._refusals.add(kind, address_group(requestor.address), requestor.ae_title, problem)

    def _accepted(self, event: Event) -> None:
        self._record(event.assoc, AuditAction.ASSOCIATION, AuditOutcome.SUCCESS)

    def _record(self, association: Association, action: AuditAction, outcome: AuditOutcome) -> None:
        """Records what a known AE title did; once in a while if it is denied."""
        title, address = association.requestor.ae_title, association.requestor.address
        try:
            sender = self._authenticator.authenticate(DicomCaller(str(title)))
        except TesseraError:
            sender = ANONYMOUS
        deed = Deed(sender, action, outcome, origin=f"{title}@{address}")
        self._recorder.note(deed, repeats=outcome is AuditOutcome.DENIED)

    def _rejected(self, event: Event) -> None:
        address = event.assoc.requestor.address  # alone: any AE title may be invented
        rejected = Deed(
            ANONYMOUS, AuditAction.ASSOCIATION, AuditOutcome.DENIED, origin=str(address)
        )
        self._recorder.note(rejected, repeats=True)
        request: Any = event.assoc.requestor.primitive
        called = str(request.called_ae_title)
        self._refuse(event.assoc, Refusal.AE_TITLE, f"its AE title, or the called one, {called!r}")

    def _released(self, event: Event) -> None:
        self._inbox.association_ended(id(event.assoc), released=True)

    def _tick(self) -> None:
        self._refusals.summarise()
        for association in self._limits.stalled():
            self._answer_stalled(association)

    def _ended(self, association: Association) -> None:
        """An association has ended: after a release, or because it broke off."""
        self._limits.end(association)
        self._inbox.association_ended(id(association), released=False)

    def _answer_invalid(self, event: Event) -> None:
        """pynetdicom ignores a C-STORE request that lacks an element, and its sender waits."""
        if isinstance(event.message, C_STORE_RQ):
            request: Any = event.message.message_to_primitive()
            if not request.is_valid_request:
                self._refuse_request(event.assoc, event.message, "its request lacks an element")

    def _answer_stalled(self, association: Association) -> None:
        """Some senders announce a data set that is empty, and then wait for the answer."""
        message = association.dimse.message
        if isinstance(message, C_STORE_RQ) and not cast("BytesIO", message.data_set).tell():
            association.dimse.message = None
            self._refuse_request(association, message, "its data set is empty")

    def _refuse_request(self, association: Association, message: Any, reason: str) -> None:
        self._refuse(association, Refusal.IMAGE, f"an image: {reason}")
        self._metrics.image_answered(CANNOT_UNDERSTAND)
        request, answer = message.message_to_primitive(), C_STORE()
        answer.MessageIDBeingRespondedTo = request.MessageID
        answer.AffectedSOPClassUID = request.AffectedSOPClassUID
        answer.AffectedSOPInstanceUID = request.AffectedSOPInstanceUID
        answer.Status = CANNOT_UNDERSTAND
        association.dimse.send_msg(answer, message.context_id)


def _entity(settings: Settings) -> AE:
    entity = AE(settings.dicom_ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.dicom_allowed_callers)
    entity.maximum_associations = settings.dicom_max_associations
    entity.network_timeout = IDLE_S
    entity.acse_timeout = settings.dicom_request_timeout_s
    entity.add_supported_context(Verification)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    for sop_class in IMAGE_CLASSES:
        entity.add_supported_context(sop_class, list(SYNTAXES))
    return entity


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


def _failure_status(error: TesseraError) -> int:
    """The C-STORE status for an error; it tells the sender whether to try again."""
    if isinstance(error, (Unauthenticated, Forbidden)):
        return NOT_AUTHORIZED
    if isinstance(error, DuplicateInstance):
        return DUPLICATE
    if isinstance(error, BadRequest):
        return MISMATCH
    if isinstance(error, BadInput):
        return CANNOT_UNDERSTAND
    return OUT_OF_RESOURCES
