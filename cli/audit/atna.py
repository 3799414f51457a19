"""Export as ATNA messages: the XML of DICOM PS3.15 A.5 in a syslog message of RFC 5424.

A message is a line: the XML has no line breaks. A file of them can be sent over TLS by any syslog
client that frames messages by RFC 5425.
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from cli.audit import codes
from jobs.audit.event import AuditEvent, AuditObject, AuditOutcome, ChainedEvent

_SECURITY = 10
"""The facility of PS3.15, A.6."""
_NOTICE, _WARNING = 5, 4
_OWN_CODES = "99TESSERA"
_MACHINE, _IP = "1", "2"
_NUMBERS = "12"
"""ParticipantObjectIDTypeCode of RFC 3881: a URI."""
_LIFE_CYCLE = {"C": "1", "R": "6", "U": "3", "D": "15"}
"""Action -> ParticipantObjectDataLifeCycle (PS3.15, A.5.1.2.3)."""


@dataclass(frozen=True, slots=True)
class AuditSource:
    """The system that reports."""

    name: str
    """AuditSourceID."""
    host: str
    """Host name in the header; RFC 5424 allows visible ASCII."""


def syslog_line(one: ChainedEvent, source: AuditSource) -> str:
    """An event as a syslog message in one line."""
    failed = one.event.outcome != AuditOutcome.SUCCESS
    priority = 8 * _SECURITY + (_WARNING if failed else _NOTICE)
    time = _time(one.event)
    process = os.getpid()
    header = f"<{priority}>1 {time} {source.host} tessera {process} DICOM+RFC3881 -"
    return f"{header} \ufeff{audit_message(one, source)}"


def audit_message(one: ChainedEvent, source: AuditSource) -> str:
    """The XML of an event."""
    message = Element("AuditMessage")
    _identification(message, one.event)
    _participants(message, one.event, source)
    reporter = SubElement(message, "AuditSourceIdentification", AuditSourceID=source.name)
    SubElement(reporter, "AuditSourceTypeCode", {"csd-code": "4"})
    _objects(message, one.event)
    return tostring(message, encoding="unicode")


def _time(event: AuditEvent) -> str:
    moment = datetime.fromtimestamp(event.time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _identification(message: Element, event: AuditEvent) -> None:
    coding = codes.coding_of(event.action, event.object_kind)
    element = SubElement(
        message,
        "EventIdentification",
        EventActionCode=coding.action,
        EventDateTime=_time(event),
        EventOutcomeIndicator=codes.OUTCOMES.get(event.outcome, ("4", ""))[0],
    )
    SubElement(element, "EventID", _dcm(coding.event_id))
    own = {
        "csd-code": str(event.action),
        "codeSystemName": _OWN_CODES,
        "originalText": str(event.action),
    }
    SubElement(element, "EventTypeCode", own)


def _dcm(code: codes.Code) -> dict[str, str]:
    return {"csd-code": code.value, "codeSystemName": "DCM", "originalText": code.meaning}


def _participants(message: Element, event: AuditEvent, source: AuditSource) -> None:
    """Who acted, from where; this service; and who received a delivery."""
    user = event.principal or codes.ae_title_of(event.origin) or event.origin or source.name
    sends = bool(event.destination) or event.action == "view"
    actor = SubElement(message, "ActiveParticipant", UserID=user, UserIsRequestor="true")
    if title := codes.ae_title_of(event.origin):
        actor.set("AlternativeUserID", f"AETITLES={title}")
    if event.origin:
        address = codes.address_of(event.origin)
        actor.set("NetworkAccessPointID", address)
        actor.set("NetworkAccessPointTypeCode", _IP if _is_ip(address) else _MACHINE)
    SubElement(actor, "RoleIDCode", _dcm(codes.DESTINATION if sends else codes.SOURCE))
    own = SubElement(
        message,
        "ActiveParticipant",
        UserID=source.name,
        UserIsRequestor="false",
        NetworkAccessPointID=source.host,
        NetworkAccessPointTypeCode=_IP if _is_ip(source.host) else _MACHINE,
    )
    SubElement(own, "RoleIDCode", _dcm(codes.SOURCE if sends else codes.DESTINATION))
    if event.destination:
        peer = SubElement(
            message, "ActiveParticipant", UserID=event.destination, UserIsRequestor="false"
        )
        SubElement(peer, "RoleIDCode", _dcm(codes.DESTINATION))


def _objects(message: Element, event: AuditEvent) -> None:
    if event.object_kind == AuditObject.NONE:
        return
    kind = str(event.object_kind)
    trail = event.object_kind in (AuditObject.AUDIT_TRAIL, AuditObject.LOG)
    element = SubElement(
        message,
        "ParticipantObjectIdentification",
        ParticipantObjectID=f"urn:tessera:{kind}:{event.object_id}".rstrip(":"),
        ParticipantObjectTypeCode="2",
        ParticipantObjectTypeCodeRole=_role(event.object_kind),
    )
    action = codes.coding_of(event.action, event.object_kind).action
    if event.outcome == AuditOutcome.SUCCESS and action in _LIFE_CYCLE:
        element.set("ParticipantObjectDataLifeCycle", _LIFE_CYCLE[action])
    number = {"csd-code": _NUMBERS, "codeSystemName": "RFC-3881", "originalText": "URI"}
    SubElement(element, "ParticipantObjectIDTypeCode", number)
    name = SubElement(element, "ParticipantObjectName")
    name.text = "Security Audit Log" if trail else kind  # PS3.15, A.5.3.2


_SECURITY_RESOURCES = (
    *(AuditObject.AUDIT_TRAIL, AuditObject.LOG, AuditObject.ACCOUNT, AuditObject.KEY),
    *(AuditObject.PROJECT, AuditObject.DICOM_CALLER),
)


def _role(kind: AuditObject) -> str:
    if kind in _SECURITY_RESOURCES:
        return codes.SECURITY_RESOURCE_ROLE
    if kind in (AuditObject.JOB, AuditObject.BATCH, AuditObject.TRAINING):
        return codes.JOB_ROLE
    return codes.REPORT_ROLE


def _is_ip(address: str) -> bool:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True
