"""What a gateway records of requests: who, what, which object, from where, with what result."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError

from imaging.errors import Forbidden, Unauthenticated, Unavailable
from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.audit.filter import AuditFilter
from jobs.audit.verification import verify
from jobs.repository import Repository
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app, monai_label_app
from service.auth import Caller, HttpCaller, LocalAdministrator, Permission, Principal
from service.http import audited_routes
from service.http.audited_routes import audited_route
from service.resources.audit_key import audit_signer
from service.resources.audit_writer import AuditWriter
from service.resources.recent_keys import RecentKeys
from service.use_cases.audit_recorder import AuditRecorder, Deed
from tests.support.answers import check_problem
from tests.support.audited import SIGNER, RecordedTrail, audit_event
from tests.support.images import nifti_bytes
from tests.support.route_permissions import routes_of
from tests.support.served_app import served
from tests.support.waiting import until

READER = Principal("reader 1", "a", frozenset(Permission))


class Callers:
    """Knows callers by the project that they name; `nobody` may do nothing."""

    def authenticate(self, caller: Caller) -> Principal:
        if not isinstance(caller, HttpCaller):
            return LocalAdministrator().authenticate(caller)
        if not caller.authorization:
            raise Unauthenticated("The request has no credentials.", expected="An API key.")
        if caller.authorization == "nobody":
            return Principal("nobody", "a")
        return Principal(f"of {caller.authorization}", caller.authorization, frozenset(Permission))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data", broker_url="file://")


@pytest.fixture
def app(settings: Settings, models: Path) -> FastAPI:
    return create_app(settings, Registry(models), Callers())


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[RecordedTrail]:
    recorded = RecordedTrail(tmp_path)
    yield recorded
    recorded.writer.stop()
    recorded.repository.close()


def test_changes_views_and_refusals_are_recorded(app: FastAPI, settings: Settings) -> None:
    """All of it is in the trail after an orderly stop; reads of lists and states are not."""
    mine, theirs = {"Authorization": "a"}, {"Authorization": "b"}
    with served(app) as client:
        files = {"files": ("DOE^JOHN.nii", nifti_bytes())}
        scan = client.post("/v1/scans", files=files, headers=mine).json()["id"]
        order = {"scan": scan, "model": "solid"}
        job = client.post("/v1/jobs", json=order, headers=mine).json()["id"]
        for path in ("/v1/scans", f"/v1/jobs/{job}", "/healthz", "/v1/account"):
            client.get(path, headers=mine).raise_for_status()
        for _ in range(3):  # one event
            client.get(f"/v1/scans/{scan}/volume", headers=mine).raise_for_status()
        assert client.get(f"/v1/scans/{scan}/volume", headers=theirs).status_code == 404
        assert client.get("/v1/scans/DOE^JANE/volume", headers=theirs).status_code == 422
        wanted = {"assignee": "R1", "jobs": [{"id": job}]}
        client.post("/v1/assignments", json=wanted, headers=theirs).raise_for_status()  # not found
        assert client.delete(f"/v1/scans/{scan}").status_code == 401
        assert client.get("/v1/jobs", headers={"Authorization": "nobody"}).status_code == 403
        image = {"image": scan}
        client.get("/monai-label/datastore/image", params=image, headers=mine).raise_for_status()
        info, data = "/monai-label/datastore/image/info", {"info": "{}"}
        client.put(info, params=image, data=data, headers=mine).raise_for_status()
        client.post(f"/v1/jobs/{job}/cancel", headers=mine).raise_for_status()
        client.delete(f"/v1/scans/{scan}", headers=mine).raise_for_status()
    with closing(Repository(settings.database)) as repository:
        chained = list(repository.audit.events(AuditFilter()))
        result = verify(repository.audit, [audit_signer(settings)])
    assert (result.events, result.checkpoints, result.findings) == (len(chained), 2, ())
    assert {one.event.origin for one in chained} == {"127.0.0.1"}
    recorded = [
        (one.action, one.outcome, one.principal, one.object_kind, one.object_id)
        for one in (one.event for one in chained)
    ]
    changes = [one for one in recorded if one[0] != "view" and one[1] == "success"]
    assert changes == [
        ("upload", "success", "of a", "scan", scan),
        ("order", "success", "of a", "scan", scan),
        ("order", "success", "of a", "job", job),
        ("order", "success", "of b", "", ""),
        ("upload", "success", "of a", "scan", scan),
        ("order", "success", "of a", "job", job),
        ("deletion", "success", "of a", "scan", scan),
    ]
    others = [one for one in recorded if one not in changes]
    assert others == [
        ("view", "success", "of a", "scan", scan),
        ("view", "failed", "of b", "scan", scan),
        ("view", "failed", "of b", "scan", ""),
        ("deletion", "denied", "", "scan", scan),
        ("denied-attempt", "denied", "nobody", "", ""),
    ]
    requests = [one.event.request for one in chained if one.event.action == "order"]
    assert requests[0] == requests[1] != requests[2]
    stored = sqlite3.connect(settings.data / "tessera.db")
    text = json.dumps(stored.execute("SELECT * FROM audit_events").fetchall())
    stored.close()
    assert "DOE" not in text


def test_the_trail_of_a_project_is_listed(app: FastAPI) -> None:
    mine, theirs = {"Authorization": "a"}, {"Authorization": "b"}
    with served(app) as client:
        files = {"files": ("scan.nii", nifti_bytes())}
        scan = client.post("/v1/scans", files=files, headers=mine).json()["id"]
        client.delete(f"/v1/scans/{scan}", headers=mine).raise_for_status()
        query: dict[str, str | int] = {"object": scan, "limit": 1}
        first = client.get("/v1/audit", params=query, headers=mine).json()
        assert [one["action"] for one in first["events"]] == ["deletion"]
        more = {**query, "cursor": first["next_cursor"]}
        second = client.get("/v1/audit", params=more, headers=mine).json()
        (upload,) = second["events"]
        assert second["next_cursor"] is None
        assert (upload["action"], upload["object_kind"]) == ("upload", "scan")
        assert (upload["principal"], upload["origin"]) == ("of a", "127.0.0.1")
        assert "hash" not in upload
        for filters in ({"action": "upload"}, {"until": upload["time"]}, {"principal": "of b"}):
            listed = client.get("/v1/audit", params=filters, headers=mine).json()["events"]
            assert [one["action"] for one in listed] == ["upload"] * ("action" in filters)
        assert client.get("/v1/audit", params=query, headers=theirs).json()["events"] == []
        refused = client.get("/v1/audit", headers={"Authorization": "nobody"})
        assert "audit:read" in str(check_problem(refused, 403)["detail"])


def test_without_the_trail_nothing_is_recorded(settings: Settings, models: Path) -> None:
    off = settings.model_copy(update={"audit": False})
    with served(create_app(off, Registry(models), Callers())) as client:
        files = {"files": ("scan.nii", nifti_bytes())}
        mine = {"Authorization": "a"}
        assert client.post("/v1/scans", files=files, headers=mine).status_code == 201
        assert client.get("/v1/audit", headers=mine).json()["events"] == []
    assert not (settings.data / "audit.key").exists()


def test_every_change_has_an_action(app: FastAPI, settings: Settings) -> None:
    """A route that changes something is in a table; and the tables name no route that is gone."""
    known: set[tuple[str, str]] = set()
    for each in (app, monai_label_app(app, settings)):
        for route in routes_of(each):
            (permission,) = route.permissions
            template = route.path.removeprefix("/monai-label").rstrip("/") or "/"
            known.add((route.method, template))
            audited = audited_route(route.method, route.path, permission)
            changes = route.method in ("POST", "PUT", "PATCH", "DELETE")
            changes |= (route.method, template) in audited_routes.CHANGES
            unrecorded = (route.method, template) in audited_routes.NOT_RECORDED
            recorded = audited is not None and not audited.only_denied
            assert recorded == ((changes and not unrecorded) or template in audited_routes.VIEWS), (
                f"{route.method} {template} is in no table of service/http/audited_routes.py"
            )
            if permission is Permission.RESULTS_READ and not template.endswith("/downloads"):
                assert template in audited_routes.VIEWS
    assert audited_routes.NOT_RECORDED | set(audited_routes.CHANGES) <= known
    assert set(audited_routes.VIEWS) <= {template for _, template in known}
    assert known >= audited_routes.REPEATED


def test_events_wait_for_the_database(
    trail: RecordedTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is full, requests are answered; later, all events are stored."""
    audit = trail.repository.audit
    monkeypatch.setattr("service.resources.audit_writer.RETRY_S", 0.01)
    monkeypatch.setattr("service.resources.audit_writer.MOST_WAITING", 3)
    append = audit.append

    def fails(*_: object) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(audit, "append", fails)
    written = trail.writer.write([audit_event(0), audit_event(1)])
    assert written.result(5) is False
    trail.writer.add([audit_event(n) for n in range(2, 6)])
    monkeypatch.setattr(audit, "append", append)
    until(lambda: audit.head().seq >= 3)
    events = trail.close()
    gap = next(one for one in events if one.action is AuditAction.GAP)
    kept = [one for one in events if one is not gap]
    assert kept == [audit_event(n) for n in range(len(kept))]
    assert len(kept) + int(gap.object_id) == 6


def test_an_unexpected_error_ends_no_thread(
    trail: RecordedTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = trail.repository.audit
    append = audit.append

    def fails_once(*_: object) -> None:
        monkeypatch.setattr(audit, "append", append)
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr(audit, "append", fails_once)
    monkeypatch.setattr("service.resources.audit_writer.RETRY_S", 0.01)
    assert trail.writer.write([audit_event()]).result(5) is False
    assert trail.writer.write([audit_event(1)]).result(5) is True
    assert trail.close() == [audit_event(), audit_event(1)]


def test_an_event_is_durable_within_a_second(trail: RecordedTrail) -> None:
    trail.writer.add([audit_event()])
    until(lambda: trail.repository.audit.head().seq == 1, 1.0)


def test_tasks_are_recorded_with_their_end(trail: RecordedTrail) -> None:
    recorder = trail.recorder
    scan = (AuditObject.SCAN, "5" * 32)
    with recorder.task(READER, AuditAction.DELETION, scan):
        pass
    for error in (Forbidden("no"), ValueError("no"), Unavailable("later")):
        with pytest.raises(type(error)), recorder.task(READER, AuditAction.DELETION, scan):
            raise error
    view = Deed(READER, AuditAction.VIEW, objects=(scan,))
    for _ in range(3):
        recorder.note(view, repeats=True)
    assert recorder.store(view, repeats=True) is None
    found = [(one.action, one.outcome) for one in trail.close()]
    outcomes = [AuditOutcome.SUCCESS, AuditOutcome.DENIED, AuditOutcome.FAILED]
    expected = [*((AuditAction.DELETION, one) for one in outcomes)]
    assert found == [*expected, (AuditAction.VIEW, AuditOutcome.SUCCESS)]


def test_a_recorder_without_a_writer_records_nothing() -> None:
    recorder = AuditRecorder(None)
    recorder.done(Deed(READER, AuditAction.VIEW))
    recorder.note(Deed(READER, AuditAction.VIEW))


def test_repetitions_are_new_after_a_while() -> None:
    now = [0.0]
    keys = RecentKeys(10.0, 2, lambda: now[0])
    assert [keys.is_new("a"), keys.is_new("a"), keys.is_new("b")] == [True, False, True]
    now[0] = 10.0
    assert keys.is_new("a")
    assert keys.is_new("c")
    assert keys.is_new("b"), "the oldest of three keys is forgotten"


def test_a_stopped_writer_leaves_a_checkpoint(trail: RecordedTrail) -> None:
    AuditWriter(trail.repository.audit, SIGNER).stop()  # it was never started
    trail.writer.add([audit_event()])
    trail.writer.stop()
    head = trail.repository.audit.head()
    assert [one.seq for one in trail.repository.audit.checkpoints()] == [head.seq] == [1]
