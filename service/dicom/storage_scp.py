"""C-STORE and C-ECHO as a provider (PS3.4, Annexes B and A)."""

import logging
from collections.abc import Iterator
from typing import Any

from pynetdicom import AE, AllStoragePresentationContexts, _config, evt
from pynetdicom.dsutils import encode_file_meta
from pynetdicom.events import Event
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined] # made at import

from imaging.errors import BadInput, BadRequest, StorageFull, TesseraError
from imaging.formats.dicom.instance import is_image
from jobs import problem
from jobs.settings import Settings
from service.dicom.series_inbox import Inbox

logger = logging.getLogger("tessera.pacs")

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
CANNOT_UNDERSTAND = 0xC000
"""Status of a C-STORE (PS3.4, B.2.3)."""
SYNTAXES = (
    *("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"),  # uncompressed
    *("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"),  # deflated, RLE
    *(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)),  # JPEG
    *(f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91)),  # JPEG-LS, JPEG 2000
    *(f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203)),  # HTJ2K
)
"""Transfer syntaxes that are decoded here (PS3.6, A); images are kept in the one they came in."""


class Receiver:
    """Listens from its making until `stop`."""

    def __init__(self, settings: Settings, inbox: Inbox) -> None:
        _config.LOG_HANDLER_LEVEL = "none"
        self._inbox = inbox
        self._most = settings.dicom_instance_bytes
        self._came: dict[int, int] = {}
        self._entity = _entity(settings)
        address = (settings.dicom_host, settings.dicom_port)
        try:
            self._entity.start_server(address, block=False, evt_handlers=self._handlers())
        except OSError as error:
            raise BadRequest(
                f"Nothing can listen on {settings.dicom_host}, port {settings.dicom_port}.",
                expected="A port that is free, and above 1023 unless this process may have others.",
                hint="Set TESSERA_DICOM_PORT or TESSERA_DICOM_HOST to another.",
            ) from error

    def stop(self) -> None:
        """Breaks off what is being sent; the sender sends it again."""
        self._entity.shutdown()

    def _handlers(self) -> list[Any]:
        return [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DATA_RECV, self._count),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]

    def _store(self, event: Event) -> int:
        """Success is answered when the file is on the disk, and not before."""
        sender = id(event.assoc)
        self._came[sender] = 0
        try:
            instance = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]
            self._inbox.receive(_file(event), instance, sender)
        except Exception as error:  # noqa: BLE001 - whatever comes, the sender gets an answer
            return _refusal(error)
        return SUCCESS

    def _count(self, event: Event) -> None:
        """An image is in memory until it is whole: one that is far too large ends the talk."""
        sender = id(event.assoc)
        self._came[sender] = self._came.get(sender, 0) + len(event.data)
        if self._came[sender] > self._most + (1 << 20):
            logger.warning("An image of more than %d bytes was broken off.", self._most)
            self._came[sender] = 0
            event.assoc.abort()

    def _released(self, event: Event) -> None:
        self._inbox.ended(id(event.assoc), released=True)

    def _closed(self, event: Event) -> None:
        """Follows a release; where none came before, the association was broken off."""
        self._came.pop(id(event.assoc), None)
        self._inbox.ended(id(event.assoc), released=False)


def _entity(settings: Settings) -> AE:
    entity = AE(settings.dicom_ae_title)
    entity.require_called_aet = True
    entity.require_calling_aet = list(settings.dicom_callers)
    entity.maximum_associations = settings.dicom_associations
    entity.add_supported_context(Verification)
    for context in AllStoragePresentationContexts:
        # Images alone: an archive that passes on all that is new would send us our own results.
        if is_image(str(context.abstract_syntax)):
            entity.add_supported_context(str(context.abstract_syntax), list(SYNTAXES))
    return entity


def _file(event: Event) -> Iterator[bytes]:
    """A DICOM file (PS3.10, 7) of the data set as it was sent."""
    meta = event.file_meta
    meta.SourceApplicationEntityTitle = event.assoc.requestor.ae_title
    yield b"\0" * 128 + b"DICM"
    yield encode_file_meta(meta)
    yield event.encoded_dataset(include_meta=False)


def _refusal(error: Exception) -> int:
    """The status that tells the sender whether it helps to try again."""
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
