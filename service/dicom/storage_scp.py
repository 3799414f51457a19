"""The storage and verification SCP: C-STORE and C-ECHO (PS3.4, Annexes B and A)."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
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
    StorageFull,
    TesseraError,
    Unauthenticated,
)
from imaging.formats.dicom.instance import is_image
from jobs import problem
from jobs.settings import Settings
from service.auth import (
    ANONYMOUS,
    Authenticator,
    DicomCaller,
    Permission,
    Principal,
    requires,
)
from service.dicom.commitments import Commitments
from service.dicom.series_inbox import SeriesInbox
from service.dicom.storage_commitment import received
from service.resources.dicom_metrics import DicomMetrics

logger = logging.getLogger("tessera.dicom")

SUCCESS = 0x0000
NOT_AUTHORIZED = 0x0124
"""PS3.7, C.5.18."""
PROCESSING_FAILURE = 0x0110
"""Status of N-EVENT-REPORT (PS3.7, C.5.13)."""
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
    ) -> None:
        _config.LOG_HANDLER_LEVEL = "none"
        self._inbox = inbox
        self._authenticator = authenticator
        self._commitments = commitments
        self._metrics = metrics
        self._max_bytes = settings.dicom_max_instance_bytes
        self._received: dict[int, int] = {}
        self._entity = _entity(settings)
        address = (settings.dicom_host, settings.dicom_port)
        try:
            self._entity.start_server(address, block=False, evt_handlers=self._handlers())
        except OSError as error:
            raise BadRequest(
                f"The gateway cannot listen on {settings.dicom_host}, port {settings.dicom_port}.",
                expected="A free port, above 1023 unless this process may use lower ones.",
                hint="Set TESSERA_DICOM_PORT or TESSERA_DICOM_HOST to another value.",
            ) from error

    def stop(self) -> None:
        """Aborts all associations; a sender sends again what was not stored."""
        self._entity.shutdown()

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
    def store(self, _: Principal, event: Event) -> int:
        """C-STORE: success means that the file is on the disk."""
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
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def _answer_echo(self, event: Event) -> int:
        return self.echo(ANONYMOUS, event)

    def _answer_store(self, event: Event) -> int:
        status = self._status_of_store(event)
        self._metrics.image_answered(status)
        return status

    def _status_of_store(self, event: Event) -> int:
        self._received[id(event.assoc)] = 0  # the image is complete, accepted or not
        try:
            caller = DicomCaller(str(event.assoc.requestor.ae_title))
            return self.store(self._authenticator.authenticate(caller), event)
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            return _failure_status(error)

    def _answer_report(self, event: Event) -> tuple[int, None]:
        try:
            caller = DicomCaller(str(event.assoc.requestor.ae_title))
            return self.report_commitment(self._authenticator.authenticate(caller), event), None
        except (Unauthenticated, Forbidden):
            return NOT_AUTHORIZED, None
        except Exception as error:  # noqa: BLE001 - the sender always gets a status
            problem.logged(error, logger)
            return PROCESSING_FAILURE, None

    def _count(self, event: Event) -> None:
        """Aborts an association that sends too large an image, which is held in memory."""
        sender = id(event.assoc)
        self._received[sender] = self._received.get(sender, 0) + len(event.data)
        if self._received[sender] > self._max_bytes + (1 << 20):
            logger.warning("An association sent more than %d bytes; aborted.", self._max_bytes)
            self._received[sender] = 0
            event.assoc.abort()

    def _released(self, event: Event) -> None:
        self._inbox.association_ended(id(event.assoc), released=True)

    def _closed(self, event: Event) -> None:
        """The connection is closed: after a release, or because it broke off."""
        self._received.pop(id(event.assoc), None)
        self._inbox.association_ended(id(event.assoc), released=False)


def _entity(settings: Settings) -> AE:
    entity = AE(settings.dicom_ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.dicom_allowed_callers)
    entity.maximum_associations = settings.dicom_max_associations
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


def _failure_status(error: Exception) -> int:
    """The C-STORE status for an error; it tells the sender whether to try again."""
    if isinstance(error, (Unauthenticated, Forbidden)):
        logger.warning("An image was refused: %s", error.detail)
        return NOT_AUTHORIZED
    if isinstance(error, StorageFull):
        logger.warning("An image was refused: %s", error.detail)
        return OUT_OF_RESOURCES
    if isinstance(error, BadInput):
        logger.warning("An image was refused: %s", error.detail)
        return MISMATCH if isinstance(error, BadRequest) else CANNOT_UNDERSTAND
    if isinstance(error, TesseraError):
        return OUT_OF_RESOURCES
    problem.logged(error, logger)
    return OUT_OF_RESOURCES
