"""DIMSE statuses with which the DICOM port answers."""

from imaging.errors import BadInput, BadRequest, Forbidden, TesseraError, Unauthenticated
from service.dicom.series_inbox import DuplicateInstance

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


def failure_status(error: TesseraError) -> int:
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
