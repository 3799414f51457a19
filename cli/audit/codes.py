"""What each kind of event is called in DICOM PS3.15 A.5 and in FHIR R4 with IHE BALP."""

from collections.abc import Mapping
from dataclasses import dataclass

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome


@dataclass(frozen=True, slots=True)
class Code:
    """A code of the DICOM Controlled Terminology (PS3.16, D)."""

    value: str
    meaning: str


APPLICATION_ACTIVITY = Code("110100", "Application Activity")
AUDIT_LOG_USED = Code("110101", "Audit Log Used")
INSTANCES_ACCESSED = Code("110103", "DICOM Instances Accessed")
INSTANCES_TRANSFERRED = Code("110104", "DICOM Instances Transferred")
ORDER_RECORD = Code("110109", "Order Record")
QUERY = Code("110112", "Query")
SECURITY_ALERT = Code("110113", "Security Alert")
USER_AUTHENTICATION = Code("110114", "User Authentication")

SOURCE = Code("110153", "Source Role ID")
DESTINATION = Code("110152", "Destination Role ID")
APPLICATION = Code("110150", "Application")


@dataclass(frozen=True, slots=True)
class Coding:
    """How events of a kind are expressed."""

    event_id: Code
    action: str
    """EventActionCode: C(reate), R(ead), U(pdate), D(elete) or E(xecute)."""
    interaction: str = ""
    """The RESTful interaction of FHIR that it corresponds to; empty: none."""


CODINGS: Mapping[AuditAction, Coding] = {
    AuditAction.SIGN_IN: Coding(USER_AUTHENTICATION, "E"),
    AuditAction.SIGN_OUT: Coding(USER_AUTHENTICATION, "E"),
    AuditAction.LOCK_OUT: Coding(SECURITY_ALERT, "E"),
    AuditAction.VIEW: Coding(INSTANCES_ACCESSED, "R", "read"),
    AuditAction.UPLOAD: Coding(INSTANCES_TRANSFERRED, "C", "create"),
    AuditAction.ORDER: Coding(ORDER_RECORD, "U"),
    AuditAction.REVIEW: Coding(INSTANCES_ACCESSED, "U", "update"),
    AuditAction.CORRECTION: Coding(INSTANCES_ACCESSED, "U", "update"),
    AuditAction.DELIVERY: Coding(INSTANCES_TRANSFERRED, "R"),
    AuditAction.DELETION: Coding(INSTANCES_ACCESSED, "D", "delete"),
    AuditAction.KEY_CHANGE: Coding(SECURITY_ALERT, "E"),
    AuditAction.DENIED_ATTEMPT: Coding(SECURITY_ALERT, "E"),
    AuditAction.ASSOCIATION: Coding(APPLICATION_ACTIVITY, "E"),
    AuditAction.CONFIGURATION: Coding(SECURITY_ALERT, "E"),
    AuditAction.GAP: Coding(SECURITY_ALERT, "E"),
}

_VIEWED: Mapping[AuditObject, Coding] = {
    AuditObject.AUDIT_TRAIL: Coding(AUDIT_LOG_USED, "R", "read"),
    AuditObject.LOG: Coding(AUDIT_LOG_USED, "R", "read"),
    AuditObject.PEER: Coding(QUERY, "E"),
}

OUTCOMES: Mapping[AuditOutcome, tuple[str, str]] = {
    AuditOutcome.SUCCESS: ("0", "Success"),
    AuditOutcome.FAILED: ("4", "Minor failure"),
    AuditOutcome.DENIED: ("8", "Serious failure"),
}
"""EventOutcomeIndicator and its meaning."""

JOB_ROLE, REPORT_ROLE, DOMAIN_RESOURCE_ROLE = "20", "3", "4"
SECURITY_RESOURCE_ROLE = "13"


def coding_of(action: AuditAction, kind: AuditObject) -> Coding:
    """How an event is expressed; an unknown kind of a later version as application activity."""
    if action == AuditAction.VIEW and kind in _VIEWED:
        return _VIEWED[kind]
    return CODINGS.get(action, Coding(APPLICATION_ACTIVITY, "E"))


def address_of(origin: str) -> str:
    """The address of an origin, without the AE title before it."""
    return origin.rpartition("@")[2]


def ae_title_of(origin: str) -> str:
    """The AE title of an origin; empty if it has none."""
    return origin.rpartition("@")[0]
