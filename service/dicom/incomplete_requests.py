"""C-STORE requests that pynetdicom does not answer, so that their senders would wait."""

from io import BytesIO
from typing import Any, cast

from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event

from service.dicom.caller_records import CallerRecords
from service.dicom.store_status import CANNOT_UNDERSTAND
from service.resources.dicom_metrics import DicomMetrics


class IncompleteRequests:
    """Answers them with a failure."""

    def __init__(self, records: CallerRecords, metrics: DicomMetrics) -> None:
        self._records = records
        self._metrics = metrics

    def answer_invalid(self, event: Event) -> None:
        """pynetdicom ignores a request that lacks an element."""
        if isinstance(event.message, C_STORE_RQ):
            request: Any = event.message.message_to_primitive()
            if not request.is_valid_request:
                self._refuse(event.assoc, event.message, "its request lacks an element")

    def answer_stalled(self, association: Association) -> None:
        """Some senders announce a data set that is empty, and then wait for the answer."""
        message = association.dimse.message
        if isinstance(message, C_STORE_RQ) and not cast("BytesIO", message.data_set).tell():
            association.dimse.message = None
            self._refuse(association, message, "its data set is empty")

    def _refuse(self, association: Association, message: Any, reason: str) -> None:
        self._records.image_refused(association, reason)
        self._metrics.image_answered(CANNOT_UNDERSTAND)
        request, answer = message.message_to_primitive(), C_STORE()
        answer.MessageIDBeingRespondedTo = request.MessageID
        answer.AffectedSOPClassUID = request.AffectedSOPClassUID
        answer.AffectedSOPInstanceUID = request.AffectedSOPInstanceUID
        answer.Status = CANNOT_UNDERSTAND
        association.dimse.send_msg(answer, message.context_id)
