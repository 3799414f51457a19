"""`tessera audit`: events are listed, exported in three formats, and verified."""

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from jobs.audit.event import AuditAction, AuditEvent, AuditObject, AuditOutcome, hash_of
from jobs.repository import Repository
from jobs.settings import Settings
from service.resources.audit_key import audit_signer
from tests.support.audited import SIGNER, attack, audit_event, changed
from tests.support.command_line import run, tessera
from tests.support.migrated import migrated

SCAN = "7" * 32
SECOND = "2023-11-14T22:13:20"
EVENTS = (
    audit_event(0, object_id=SCAN),
    audit_event(1, action=AuditAction.UPLOAD, object_id=SCAN, origin="CT1@2001:db8::7"),
    audit_event(2, action=AuditAction.DELETION, outcome=AuditOutcome.DENIED, principal=""),
    audit_event(
        3,
        action=AuditAction.DELIVERY,
        principal="delivery sender",
        object_kind=AuditObject.JOB,
        origin="",
        destination="archive",
        request="",
    ),
    audit_event(4, action=AuditAction.DELETION, project="eve"),
    audit_event(5, object_kind=AuditObject.AUDIT_TRAIL, object_id=""),
    *(audit_event(n, action=action) for n, action in enumerate(AuditAction, 6)),
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path / "data"))
    found = Settings(data=tmp_path / "data")
    with closing(migrated(found.database)) as repository:
        repository.audit.append(EVENTS, audit_signer(found))
    return found


def test_events_are_listed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert tessera("audit", "list", "--object", SCAN) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f"2  {SECOND}.001+00:00  success  upload  scan {SCAN}  reader 1  ada  CT1@2001:db8::7",
        f"1  {SECOND}.000+00:00  success  view  scan {SCAN}  reader 1  ada  192.0.2.7",
    ]
    for options, numbers in (
        (("--outcome", "denied"), ["3"]),
        (("--action", "deletion", "--project", "eve"), ["5"]),
        (("--kind", "audit-trail"), ["6"]),
        (("--principal", "delivery sender"), ["4"]),
        (("--until", "2023-11-14T22:13:21", "--limit", 1), [str(len(EVENTS))]),
        (("--since", "2023-11-15"), []),
    ):
        assert tessera("audit", "list", *options) == 0
        captured = capsys.readouterr()
        assert [line.split("  ")[0] for line in captured.out.splitlines()] == numbers
        assert ("more than 1" in captured.err) == ("--limit" in options)


def test_json_lines_can_be_verified_elsewhere(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "audit.jsonl"
    assert tessera("audit", "export", "--to", target) == 0
    assert f"{len(EVENTS)} events" in capsys.readouterr().err
    previous = "0" * 64
    for number, line in enumerate(target.read_text().splitlines(), 1):
        members = json.loads(line)
        assert (members.pop("seq"), members.pop("previous_hash")) == (number, previous)
        stated = members.pop("hash")
        assert hash_of(number, AuditEvent(**members), previous) == stated
        previous = stated
    assert tessera("audit", "export", "--to", target) == 1, "a file is not replaced"


def exported(capsys: pytest.CaptureFixture[str], form: str) -> list[str]:
    assert tessera("audit", "export", "--format", form, "--source", "tessera.example") == 0
    return capsys.readouterr().out.splitlines()


def _codes(codings: list[dict[str, str]]) -> list[str]:
    return [one["code"] for one in codings]


def test_fhir_events_have_the_structure_of_r4(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cardinalities and value sets of AuditEvent in FHIR R4, and of the profiles of IHE BALP."""
    resources = [json.loads(line) for line in exported(capsys, "fhir")]
    assert len(resources) == len(EVENTS)
    for one in resources:
        assert one["resourceType"] == "AuditEvent"
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", one["id"])
        assert {"system", "code", "display"} == set(one["type"])
        assert one["action"] in "CRUDE"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["recorded"])
        assert one["outcome"] in ("0", "4", "8", "12")
        assert one["source"]["observer"] == {"display": "tessera.example"}
        assert sum(agent["requestor"] for agent in one["agent"]) == 1
        for agent in one["agent"]:
            assert set(agent) <= {"type", "who", "requestor", "network"}
            assert len(agent["type"]["coding"]) == 1
            assert agent.get("network", {"type": "1"})["type"] in ("1", "2")
        for entity in one["entity"]:
            assert set(entity) <= {"what", "type", "role", "detail"}
            assert entity["what"]["identifier"]["value"]
        if profile := one.get("meta"):
            _check_profile(one, str(profile["profile"][0]))
    profiles = {str(one["meta"]["profile"][0]) for one in resources if "meta" in one}
    base = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
    assert profiles == {f"{base}{name}" for name in ("Read", "Create", "Update", "Delete")}
    denied, delivery = resources[2], resources[3]
    assert "meta" not in denied
    assert (denied["outcome"], len(denied["agent"])) == ("8", 2)
    assert delivery["agent"][1]["who"] == {"display": "archive"}


def _check_profile(one: dict[str, Any], profile: str) -> None:
    """What Read, Create, Update and Delete have in common, and their types of agents."""
    name = profile.rpartition(".")[2].lower()
    assert one["type"]["code"] == "rest"
    assert _codes(one["subtype"])[0] == name
    assert one["action"] == name[0].upper() if name != "read" else one["action"] == "R"
    assert one["outcome"] == "0"
    client, server, user = one["agent"]
    kinds = [agent["type"]["coding"][0]["code"] for agent in (client, server, user)]
    assert kinds == {
        "read": ["110152", "110153", "IRCP"],
        "delete": ["110150", "custodian", "CST"],
    }.get(name, ["110153", "110152", "AUT"])
    assert client["network"]
    assert server["network"]
    assert "network" not in user
    assert user["requestor"]
    data = [entity for entity in one["entity"] if entity["type"]["code"] == "2"]
    assert [entity["role"]["code"] for entity in data] in (["4"], ["3"], ["20"])
    requests = [entity for entity in one["entity"] if entity["type"]["code"] == "XrequestId"]
    assert len(requests) <= 1


MESSAGE = {
    "EventIdentification": {"EventActionCode", "EventDateTime", "EventOutcomeIndicator"},
    "ActiveParticipant": {
        *("UserID", "AlternativeUserID", "UserIsRequestor"),
        *("NetworkAccessPointID", "NetworkAccessPointTypeCode"),
    },
    "AuditSourceIdentification": {"AuditSourceID"},
    "ParticipantObjectIdentification": {
        *("ParticipantObjectID", "ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"),
        "ParticipantObjectDataLifeCycle",
    },
}
"""The elements of an audit message in their order, and their attributes (PS3.15, A.5.1)."""
REQUIRED = {
    "EventIdentification": {"EventDateTime", "EventOutcomeIndicator"},
    "ActiveParticipant": {"UserID", "UserIsRequestor"},
    "AuditSourceIdentification": {"AuditSourceID"},
    "ParticipantObjectIdentification": {"ParticipantObjectID"},
}
CHILDREN = {
    "EventIdentification": ["EventID", "EventTypeCode"],
    "ActiveParticipant": ["RoleIDCode"],
    "AuditSourceIdentification": ["AuditSourceTypeCode"],
    "ParticipantObjectIdentification": ["ParticipantObjectIDTypeCode", "ParticipantObjectName"],
}
SYSLOG = re.compile(
    r"<(8[45])>1 (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\S{1,255}) tessera \d+ "
    r"DICOM\+RFC3881 - \ufeff(<AuditMessage>.*</AuditMessage>)"
)
"""RFC 5424, 6, with the priority and the message id of PS3.15, A.6."""


def test_atna_messages_have_the_structure_of_dicom(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = exported(capsys, "atna")
    assert len(lines) == len(EVENTS)
    for line, event in zip(lines, EVENTS, strict=True):
        parts = SYSLOG.fullmatch(line)
        assert parts is not None, line
        assert (parts[1] == "85") is (event.outcome is AuditOutcome.SUCCESS)
        message = ET.fromstring(parts[4])
        names = [one.tag for one in message]
        assert names == sorted(names, key=list(MESSAGE).index)
        assert names.count("EventIdentification") == names.count("AuditSourceIdentification") == 1
        assert message[0].get("EventDateTime") == parts[2]
        for one in message:
            assert REQUIRED[one.tag] <= set(one.attrib) <= MESSAGE[one.tag]
            assert [child.tag for child in one] == CHILDREN[one.tag]
            for child in one:
                coded = {"csd-code", "codeSystemName", "originalText"}
                expected = {"ParticipantObjectName": set(), "AuditSourceTypeCode": {"csd-code"}}
                assert set(child.attrib) == expected.get(child.tag, coded)
    viewed, uploaded, _, delivered, _, trail, *_ = (
        ET.fromstring(line.partition("\ufeff")[2]) for line in lines
    )
    assert viewed.find("EventIdentification/EventID").get("csd-code") == "110103"
    assert trail.find("EventIdentification/EventID").get("csd-code") == "110101"
    sender = uploaded.find("ActiveParticipant")
    assert sender is not None
    assert sender.get("AlternativeUserID") == "AETITLES=CT1"
    assert sender.get("NetworkAccessPointID") == "2001:db8::7"
    assert [one.get("UserID") for one in delivered.iter("ActiveParticipant")] == [
        *("delivery sender", "tessera.example", "archive"),
    ]


def test_a_changed_event_is_reported(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = run(capsys, "audit", "verify")
    assert (status, f"intact: {len(EVENTS)} events and 1 checkpoint" in text) == (0, True)
    checkpoint = text.split()[-1].rstrip(".")
    status, text = run(capsys, "audit", "verify", "--checkpoint", checkpoint[:-1] + "_")
    assert status == 1
    assert f"Events 1 to {len(EVENTS)}" in text
    assert run(capsys, "audit", "verify", "--checkpoint", checkpoint)[0] == 0
    assert run(capsys, "audit", "verify", "--checkpoint", "7")[0] == 2
    key = tmp_path / "other.key"
    key.write_bytes((settings.data / "audit.key").read_bytes())
    (settings.data / "audit.key").unlink()
    status, text = run(capsys, "audit", "verify")
    assert (status, "another key" in text) == (1, True)
    assert run(capsys, "audit", "verify", "--key", key)[0] == 0
    with closing(Repository(settings.database)) as repository:
        attack(repository, changed(2))
    status, text = run(capsys, "audit", "verify", "--key", key)
    assert status == 1
    assert text.startswith("Event 2: changed after it was stored, or swapped.")
    key.write_bytes(b"")
    assert run(capsys, "audit", "verify", "--key", key)[0] == 2


def test_without_a_database_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TESSERA_DATA", str(tmp_path))
    status, text = run(capsys, "audit", "list")
    assert (status, "no database" in text) == (2, True)


def test_a_key_is_named_by_what_it_is() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", SIGNER.key_id)
    assert SIGNER.key.hex() not in repr(SIGNER)
