"""The data sets of storage commitment (PS3.4, Annex J): the request, and the report about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydicom import Dataset
from pydicom.uid import generate_uid

from imaging.errors import BadRequest


@dataclass(frozen=True, slots=True)
class CommitmentReport:
    """What a storage system reports about a request for storage commitment."""

    transaction: str
    """TransactionUID of the request."""
    committed: tuple[str, ...]
    """SOPInstanceUIDs of the objects that it keeps."""
    failed: Mapping[str, int]
    """SOPInstanceUID -> FailureReason (PS3.3, C.14.1.1) of those that it does not keep."""


def new_transaction() -> str:
    """A TransactionUID that nobody can guess (PS3.5, B.2)."""
    return str(generate_uid(prefix=None))


def request_of(transaction: str, sop_class: str, sop_instance: str) -> Dataset:
    """The Action Information that asks to keep one object (PS3.4, table J.3-1)."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    request = Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = [item]
    return request


def report_of(information: Dataset) -> CommitmentReport:
    """The report in an Event Information (PS3.4, table J.3-2).

    Raises BadRequest if it is not one.
    """
    try:
        kept = information.get("ReferencedSOPSequence") or ()
        lost = information.get("FailedSOPSequence") or ()
        report = CommitmentReport(
            transaction=str(information.TransactionUID),
            committed=tuple(str(item.ReferencedSOPInstanceUID) for item in kept),
            failed={
                str(item.ReferencedSOPInstanceUID): int(item.get("FailureReason") or 0)
                for item in lost
            },
        )
    except Exception as error:  # values are decoded when they are accessed
        raise _invalid() from error
    if not report.transaction:
        raise _invalid()
    return report


def _invalid() -> BadRequest:
    return BadRequest(
        "The report of storage commitment is not valid.",
        expected="Transaction UID and referenced SOP instances (PS3.4, table J.3-2).",
        hint="Correct the system that sent it.",
    )
