"""Events of the audit trail."""

from datetime import datetime

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from service.schemas.fields import Wire


class AuditEventOut(Wire):
    """Who did what to which object, when, from where, and with what result."""

    time: datetime
    action: AuditAction
    outcome: AuditOutcome
    principal: str
    """Name of the account, key or background task."""
    object_kind: AuditObject
    """Empty: the event is about no single object."""
    object_id: str
    origin: str
    """IP address of the caller, `AE title@address` of a DICOM node, or empty."""
    destination: str
    """Name of the peer that received a delivery."""
    request: str
    """Id of the request, as in the log. A request that concerns several objects has an event for
    each."""


class AuditPage(Wire):
    """One page of events."""

    events: list[AuditEventOut]
    next_cursor: str | None = None
