"""Export as FHIR R4 AuditEvent, by the profiles of IHE Basic Audit Log Patterns (BALP).

Reads, creations, updates and deletions that succeeded follow the profiles IHE.BasicAudit.Read,
Create, Update and Delete: those without a patient, because events name no patient. All others are
plain AuditEvents: the profiles are for successful RESTful operations.
"""

import ipaddress
import json
from datetime import UTC, datetime
from typing import Any

from cli.audit import codes
from jobs.audit.event import AuditEvent, AuditObject, AuditOutcome, ChainedEvent

_TERMS = "http://terminology.hl7.org/CodeSystem"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_REST = "http://hl7.org/fhir/restful-interaction"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_PARTICIPATION = f"{_TERMS}/v3-ParticipationType"
_MACHINE, _IP = "1", "2"
_PROFILES = {
    "read": ("Read", codes.DESTINATION, codes.SOURCE, ("IRCP", "information recipient")),
    "create": ("Create", codes.SOURCE, codes.DESTINATION, ("AUT", "author (originator)")),
    "update": ("Update", codes.SOURCE, codes.DESTINATION, ("AUT", "author (originator)")),
    "delete": ("Delete", codes.APPLICATION, None, ("CST", "custodian")),
}
"""Interaction -> name of the profile, type of client, of server, and of the user."""
_CUSTODIAN = {
    "system": f"{_TERMS}/provenance-participant-type",
    "code": "custodian",
    "display": "Custodian",
}


def fhir_line(one: ChainedEvent, source: str) -> str:
    """An event as one JSON object; `source`: the name of this service."""
    return json.dumps(audit_event(one, source))


def audit_event(one: ChainedEvent, source: str) -> dict[str, Any]:
    """An event as an AuditEvent resource."""
    event = one.event
    coding = codes.coding_of(event.action, event.object_kind)
    recorded = datetime.fromtimestamp(event.time_ms / 1000, UTC)
    number, meaning = codes.OUTCOMES.get(event.outcome, ("4", "Minor failure"))
    profiled = bool(coding.interaction) and event.outcome == AuditOutcome.SUCCESS
    return {
        "resourceType": "AuditEvent",
        "id": f"tessera-{one.seq}",
        **({"meta": {"profile": [_profile(coding.interaction)]}} if profiled else {}),
        "type": _type(coding),
        "subtype": _subtypes(event, coding),
        "action": coding.action,
        "recorded": recorded.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "outcome": number,
        "outcomeDesc": meaning,
        "agent": _agents(event, coding.interaction, source),
        "source": {
            "observer": {"display": source},
            "type": [_coding(f"{_TERMS}/security-source-type", "4", "Application Server")],
        },
        "entity": _entities(one),
    }


def _profile(interaction: str) -> str:
    return f"{_BALP}/StructureDefinition/IHE.BasicAudit.{_PROFILES[interaction][0]}"


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _type(coding: codes.Coding) -> dict[str, str]:
    if coding.interaction:
        return _coding(f"{_TERMS}/audit-event-type", "rest", "Restful Operation")
    return _coding(_DCM, coding.event_id.value, coding.event_id.meaning)


def _subtypes(event: AuditEvent, coding: codes.Coding) -> list[dict[str, str]]:
    own = {"system": "urn:tessera:audit-action", "code": str(event.action)}
    if not coding.interaction:
        return [own]
    return [_coding(_REST, coding.interaction, coding.interaction), own]


def _agents(event: AuditEvent, interaction: str, source: str) -> list[dict[str, Any]]:
    """The user, if one is known; where the request came from, and this service; or, of a delivery,
    this service and the peer."""
    _, client, server, user = _PROFILES[interaction or "update"]
    if event.destination:
        sides = [
            _side(_dcm(codes.SOURCE), source),
            _side(_dcm(codes.DESTINATION), event.destination),
        ]
    else:
        own = _CUSTODIAN if server is None else _dcm(server)
        sides = [_side(_dcm(client), event.origin or source), _side(own, source)]
    if not event.principal:
        return [{**side, "requestor": side is sides[0]} for side in sides]
    who = {"identifier": {"value": event.principal}, "display": event.principal}
    person = {"type": {"coding": [_coding(_PARTICIPATION, *user)]}, "who": who, "requestor": True}
    return [*({**side, "requestor": False} for side in sides), person]


def _side(kind: dict[str, str], name: str) -> dict[str, Any]:
    return {"type": {"coding": [kind]}, "who": {"display": name}, **_network(name)}


def _dcm(code: codes.Code) -> dict[str, str]:
    return _coding(_DCM, code.value, code.meaning)


def _network(origin: str) -> dict[str, Any]:
    address = codes.address_of(origin)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return {"network": {"address": address, "type": _MACHINE}}
    return {"network": {"address": address, "type": _IP}}


def _entities(one: ChainedEvent) -> list[dict[str, Any]]:
    """The object, the request, and the event's place in the trail."""
    event = one.event
    kind = str(event.object_kind) or "service"
    data = {
        "what": {"identifier": {"system": f"urn:tessera:{kind}", "value": event.object_id or kind}},
        "type": _coding(f"{_TERMS}/audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_TERMS}/object-role", *_role(event.object_kind)),
    }
    request = {
        "what": {"identifier": {"value": event.request}},
        "type": {"system": f"{_BALP}/CodeSystem/BasicAuditEntityType", "code": "XrequestId"},
    }
    details = {"project": event.project, "hash": one.hash, "previous hash": one.previous_hash}
    place = {
        "what": {"identifier": {"system": "urn:tessera:audit-event", "value": str(one.seq)}},
        "type": _coding(f"{_TERMS}/audit-entity-type", "4", "Other"),
        "detail": [{"type": name, "valueString": text} for name, text in details.items() if text],
    }
    return [data, *([request] if event.request else []), place]


def _role(kind: AuditObject) -> tuple[str, str]:
    if kind in (AuditObject.JOB, AuditObject.BATCH, AuditObject.TRAINING):
        return codes.JOB_ROLE, "Job"
    return codes.DOMAIN_RESOURCE_ROLE, "Domain Resource"
