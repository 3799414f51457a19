"""Who may send: every DIMSE service names one permission, and a node without it is refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

from imaging.errors import Unauthenticated
from jobs.delivery import Delivery
from jobs.job import JobState
from jobs.settings import Settings
from service.auth import (
    Authenticator,
    BackgroundTask,
    Caller,
    DicomCaller,
    LocalAdministrator,
    Permission,
    Principal,
    permissions_of,
)
from service.dicom import association_handler
from service.dicom.delivery_sender import DeliverySender, SenderParts
from service.dicom.series_inbox import SeriesInbox
from service.dicom.series_router import SeriesRouter
from service.dicom.storage_scp import StorageScp
from service.resources.peers import Peer
from service.resources.routing_table import RoutingTable
from service.use_cases.audit_recorder import AuditRecorder
from tests.support.audited import RecordedTrail
from tests.support.dicom.associations import associate, store
from tests.support.dicom.metrics import dicom_metrics
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.ports import free_port
from tests.support.rows import make_job
from tests.support.waiting import until


class Nodes:
    """Knows two nodes: CT1 may send, CT2 may not."""

    def authenticate(self, caller: Caller) -> Principal:
        assert isinstance(caller, DicomCaller)
        permissions = {"CT1": frozenset({Permission.SCANS_WRITE}), "CT2": frozenset[Permission]()}
        if caller.ae_title not in permissions:
            raise Unauthenticated("The calling AE title is not known.")
        return Principal(caller.ae_title, "a", permissions[caller.ae_title])


def _scp(
    folder: Path, authenticator: Authenticator, recorder: AuditRecorder | None = None
) -> tuple[StorageScp, SeriesInbox, int]:
    settings = Settings(data=folder, dicom_port=free_port())
    inbox = SeriesInbox(settings)
    unused: Any = None
    return (
        StorageScp(
            settings, inbox, authenticator, unused, dicom_metrics(), recorder or AuditRecorder(None)
        ),
        inbox,
        settings.dicom_port,
    )


@pytest.mark.slow
def test_every_service_names_one_permission(tmp_path: Path) -> None:
    """Given all SOP classes that an association may propose, each is served with a permission."""
    scp, inbox, _ = _scp(tmp_path, LocalAdministrator())
    operations = dict(scp.operations)
    others = {
        Verification: evt.EVT_C_ECHO,
        StorageCommitmentPushModel: evt.EVT_N_EVENT_REPORT,
    }
    services = {
        others.get(context.abstract_syntax, evt.EVT_C_STORE) for context in scp._server.contexts
    }
    assert services == set(operations)
    reports = permissions_of(operations[evt.EVT_N_EVENT_REPORT])
    assert reports == (Permission.DELIVERIES_WRITE,)
    assert permissions_of(operations[evt.EVT_C_ECHO]) == (Permission.PUBLIC,)
    assert permissions_of(operations[evt.EVT_C_STORE]) == (Permission.SCANS_WRITE,)
    scp.stop()
    inbox.close()


@pytest.mark.slow
@pytest.mark.parametrize(("calling", "status"), [("CT1", 0x0000), ("CT2", 0x0124), ("CT3", 0x0124)])
def test_a_node_without_the_permission_is_not_authorized(
    tmp_path: Path, calling: str, status: int
) -> None:
    trail = RecordedTrail(tmp_path)
    scp, inbox, port = _scp(tmp_path, Nodes(), trail.recorder)
    for _ in range(2):  # one event each
        assert store(port, series(1), calling) == [status]
    assert len(list((tmp_path / "inbox").rglob("*.dcm"))) == (status == 0)
    association = associate(port)
    assert association.send_c_echo().Status == 0x0000
    association.release()
    scp.stop()
    inbox.close()
    name = calling if calling != "CT3" else ""
    assert [(one.action, one.outcome, one.principal, one.origin) for one in trail.close()] == [
        ("association", "success", name, f"{calling}@127.0.0.1"),
        *([("upload", "denied", name, f"{calling}@127.0.0.1")] if status else []),
        *([("association", "success", "", "SCANNER@127.0.0.1")] if name else []),
    ], "of titles that nobody knows, only the first is recorded"


@pytest.mark.slow
def test_unknown_titles_hold_few_associations_and_not_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(association_handler, "STRANGER_IDLE_S", 0.5)
    scp, inbox, port = _scp(tmp_path, Nodes())
    held = [associate(port, calling=f"NOBODY{n}") for n in range(3)]
    assert [one.is_established for one in held] == [True, True, False]
    assert store(port, series(1), "CT1") == [0x0000]
    until(lambda: not any(one.is_established for one in held))
    assert until(lambda: _is_answered(port))
    scp.stop()
    inbox.close()


def _is_answered(port: int) -> bool:
    """Whether an unknown title finds a place for a C-ECHO."""
    talk = associate(port, calling="NOBODY")
    answered = talk.is_established and talk.send_c_echo().Status == 0x0000
    talk.release()
    return answered


def test_a_series_of_a_node_that_lost_its_permission_is_refused(tmp_path: Path) -> None:
    """Given a received series whose sender may not send any more, the reason is beside it."""
    inbox = SeriesInbox(Settings(data=tmp_path, dicom_series_idle_s=0.01))
    (image,) = series(1)
    image.file_meta.SourceApplicationEntityTitle = "CT2"
    inbox.receive([as_bytes(image)], image.SOPInstanceUID, 1)
    inbox.association_ended(1, released=True)
    unused: Any = None
    metrics, recorder = dicom_metrics(), AuditRecorder(None)
    router = SeriesRouter(inbox, RoutingTable(), unused, unused, unused, Nodes(), metrics, recorder)
    until(inbox.complete)
    router.step()
    (refused,) = (tmp_path / "refused").rglob("problem.json")
    problem = json.loads(refused.read_text())
    assert (problem["status"], problem["type"]) == (403, "urn:tessera:forbidden")
    inbox.close()


class _Tasks:
    """Lets no background task do anything."""

    def authenticate(self, caller: Caller) -> Principal:
        assert caller == BackgroundTask("delivery sender", "a")
        return Principal("delivery sender", "a")


class _Deliveries:
    """One delivery that is due, and the problem with which it fails."""

    problem: Mapping[str, Any] = {}

    def claim(self, destination: str, _lease_s: float) -> Delivery:
        return Delivery("d", "j", destination, "dicom-seg", 0.0)

    def fail(self, _: Delivery, problem: Mapping[str, Any]) -> None:
        self.problem = problem


def test_a_delivery_needs_the_permission_in_its_jobs_project() -> None:
    job = make_job(project="a", state=JobState.SUCCEEDED)
    deliveries: Any = _Deliveries()
    jobs: Any = SimpleNamespace(by_id=lambda _: job)
    unused: Any = None
    parts = SenderParts(
        deliveries=deliveries,
        jobs=jobs,
        reviews=unused,
        results=unused,
        scratch=unused,
        authenticator=_Tasks(),
        metrics=dicom_metrics(),
        recorder=AuditRecorder(None),
        ae_title="TESSERA",
        poll_s=1.0,
    )
    sender = DeliverySender(parts, Peer(name="archive", dicomweb="http://127.0.0.1:1"))
    assert sender.step()
    assert deliveries.problem["status"] == 403


def test_nothing_is_delivered_to_a_peer_of_other_projects() -> None:
    """Given a delivery that was requested while the peer was for the project, it fails."""
    job = make_job(project="a", state=JobState.SUCCEEDED)
    deliveries: Any = _Deliveries()
    jobs: Any = SimpleNamespace(by_id=lambda _: job)
    unused: Any = None
    parts = SenderParts(
        deliveries, jobs, unused, unused, unused, LocalAdministrator(), dicom_metrics(),
        AuditRecorder(None), "TESSERA", 1.0,
    )  # fmt: skip
    peer = Peer(name="archive", dicomweb="http://127.0.0.1:1", projects=("b",))
    assert DeliverySender(parts, peer).step()
    assert deliveries.problem["status"] == 409
    assert "no longer for the project" in deliveries.problem["detail"]
