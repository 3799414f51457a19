"""What callers of the DICOM port did: principals, the audit trail, and refusals."""

from typing import Any

from pynetdicom.association import Association

from imaging.errors import Forbidden, TesseraError, Unauthenticated
from jobs.audit.event import AuditAction, AuditOutcome
from service.auth import ANONYMOUS, Authenticator, DicomCaller, Principal
from service.dicom.refusals import Refusal, Refusals
from service.resources.address_group import address_group
from service.use_cases.audit_recorder import AuditRecorder, Deed


class CallerRecords:
    """Knows callers by their AE titles, and records them."""

    def __init__(
        self, authenticator: Authenticator, recorder: AuditRecorder, refusals: Refusals
    ) -> None:
        self._authenticator = authenticator
        self._recorder = recorder
        self._refusals = refusals

    def principal(self, association: Association) -> Principal:
        """Who calls. Raises Unauthenticated or Forbidden for an AE title that may not."""
        caller = DicomCaller(str(association.requestor.ae_title))
        return self._authenticator.authenticate(caller)

    def is_stranger(self, ae_title: str) -> bool:
        """Whether an AE title is not known; not while that cannot be found out."""
        try:
            self._authenticator.authenticate(DicomCaller(ae_title))
        except (Unauthenticated, Forbidden):
            return True
        except TesseraError:
            return False
        return False

    def accepted(self, association: Association) -> None:
        """Records that an association was accepted."""
        self._record(association, AuditAction.ASSOCIATION, AuditOutcome.SUCCESS)

    def rejected(self, association: Association) -> None:
        """Records that an association was rejected because of an AE title."""
        address = association.requestor.address  # alone: any AE title may be invented
        rejected = Deed(
            ANONYMOUS, AuditAction.ASSOCIATION, AuditOutcome.DENIED, origin=str(address)
        )
        self._recorder.note(rejected, repeats=True)
        request: Any = association.requestor.primitive
        called = str(request.called_ae_title)
        self._refuse(association, Refusal.AE_TITLE, f"its AE title, or the called one, {called!r}")

    def image_denied(self, association: Association) -> None:
        """Records that the caller may not send images."""
        self._record(association, AuditAction.UPLOAD, AuditOutcome.DENIED)

    def image_refused(self, association: Association, problem: str) -> None:
        """Counts and logs that an image was refused. `problem` holds no patient data."""
        self._refuse(association, Refusal.IMAGE, f"an image: {problem}")

    def _refuse(self, association: Association, kind: Refusal, problem: str) -> None:
        requestor = association.requestor
        self._refusals.add(kind, address_group(requestor.address), requestor.ae_title, problem)

    def _record(self, association: Association, action: AuditAction, outcome: AuditOutcome) -> None:
        """Records what an AE title did. Repetitions are one event: who may only verify the
        connection, or is denied, could fill the trail. Each image is recorded when it is taken in.
        """
        title, address = association.requestor.ae_title, association.requestor.address
        try:
            sender = self.principal(association)
        except TesseraError:
            sender = ANONYMOUS
        deed = Deed(sender, action, outcome, origin=f"{title}@{address}")
        self._recorder.note(deed, repeats=True)
