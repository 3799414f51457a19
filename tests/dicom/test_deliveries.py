"""Deliveries to an archive: another format where it takes no label maps, and its commitment."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from pydicom import dcmread
from pydicom.uid import UID

from jobs.delivery import Commitment, Delivery, DeliveryState, Receipt
from jobs.job import Job
from jobs.repository import Repository
from jobs.settings import Settings
from service.auth import BackgroundTask, LocalAdministrator
from service.dicom import commitments, storage_commitment
from service.dicom.commitment_requester import CommitmentRequester, RequesterParts
from service.dicom.commitments import Commitments
from service.dicom.delivery_sender import DeliverySender, SenderParts
from service.dicom.peer_probe import DicomPeerProbe
from service.dicom.series_inbox import SeriesInbox
from service.dicom.storage_scp import StorageScp
from service.resources.dicom_metrics import DicomMetrics
from service.resources.peers import Peer, PeerUnavailable
from service.resources.routing_table import RoutingTable
from service.resources.scratch import Scratch
from service.resources.service_metrics import ServiceMetrics, Sources
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.peer_health import PeerHealth
from tests.support.dicom.archive import LABELMAP, SEG, Archive, archive
from tests.support.dicom.metrics import dicom_metrics
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.orthanc import Orthanc
from tests.support.ports import free_port
from tests.support.rows import make_job, make_scan
from tests.support.waiting import until

pytestmark = pytest.mark.slow  # associations wait for each other


class _Results:
    """Writes a data set of the SOP class that a format has."""

    def write(self, _: object, target: Any, path: Path) -> None:
        (image,) = series(1, 8)
        image.SOPClassUID = UID({"dicom-seg": SEG, "dicom-labelmap": LABELMAP}[target.name])
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        path.write_bytes(as_bytes(image))


_RESULTS = _Results()


@dataclass
class Sending:
    """A finished job with a delivery, and what sends it."""

    repository: Repository
    scratch: Scratch
    registry: CollectorRegistry
    metrics: DicomMetrics
    listens: bool = False

    def sender(self, peer: Peer, results: Any = _RESULTS) -> DeliverySender:
        return DeliverySender(
            SenderParts(
                deliveries=self.repository.deliveries,
                jobs=self.repository.jobs,
                reviews=self.repository.reviews,
                results=results,
                scratch=self.scratch,
                authenticator=LocalAdministrator(),
                metrics=self.metrics,
                recorder=AuditRecorder(None),
                ae_title="TESSERA",
                poll_s=0.01,
            ),
            peer,
        )

    def receiver(self, settings: Settings, inbox: SeriesInbox) -> StorageScp:
        return StorageScp(
            settings,
            inbox,
            LocalAdministrator(),
            self.commitments,
            dicom_metrics(),
            AuditRecorder(None),
        )

    def requester(self, peer: Peer, poll_s: float = 0.01) -> CommitmentRequester:
        parts = RequesterParts(self.commitments, self.repository.jobs, LocalAdministrator(), poll_s)
        return CommitmentRequester(parts, peer)

    def health(self, peer: Peer) -> PeerHealth:
        return PeerHealth(RoutingTable(peer=(peer,)), DicomPeerProbe("TESSERA"), self.metrics)

    def mark_sent(self) -> None:
        """The delivery is sent, and its commitment is to be requested."""
        receipt = Receipt("dicom-seg", SEG, "2.25.7", Commitment.DUE)
        self.repository.deliveries.mark_sent("d", receipt)

    @property
    def commitments(self) -> Commitments:
        return Commitments(self.repository.commitments, "TESSERA", self.listens)

    @property
    def delivery(self) -> Delivery:
        (found,) = self.repository.deliveries.of_job("ada", "job")
        return found

    def metric(self, name: str, *labels: str) -> float | None:
        """The value of a metric of the archive, as Prometheus reads it."""
        text = generate_latest(self.registry).decode()
        samples = (n for family in text_string_to_metric_families(text) for n in family.samples)
        wanted = {"archive", *labels}
        return next(
            (n.value for n in samples if n.name == name and set(n.labels.values()) == wanted), None
        )

    @property
    def commitment(self) -> str:
        return str(self.delivery.commitment)


Start = Callable[[str], Sending]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    repository = Repository(Settings(data=tmp_path).database)
    repository.migrate()
    scratch = Scratch(tmp_path / "scratch")
    service = ServiceMetrics(Sources(repository.figures.read, dict, tmp_path, ()))

    def finished(form: str) -> Sending:
        repository.scans.add(make_scan())
        repository.jobs.add(make_job(), None, [Delivery("d", "job", "archive", form, 1.0)])
        job = repository.leases.claim("job", "w", 60)
        assert isinstance(job, Job)
        assert repository.leases.finish(
            "job",
            job.fence,
            mask_sha256="a" * 64,
            mask_format="nifti",
            preview_sha256=None,
            report={},
        )
        registry = CollectorRegistry()
        metrics = DicomMetrics(registry)
        registry.register(service)
        return Sending(repository, scratch, registry, metrics)

    yield finished
    service.close()
    scratch.close()
    repository.close()


@pytest.mark.parametrize("status", [None, 0x0122, 0xA900, 0xC000], ids=str)
def test_a_label_map_becomes_a_binary_segmentation(start: Start, status: int | None) -> None:
    """Given an archive that rejects the presentation context, or refuses the object itself."""
    sending = start("dicom-labelmap")
    classes = (SEG,) if status is None else (SEG, LABELMAP)
    with archive(classes, status=status or 0) as there:
        assert sending.sender(there.peer()).step()
    assert there.stored == [SEG]
    sent = sending.delivery
    assert (sent.state, sent.sent_as, sent.sop_class) == (DeliveryState.SENT, "dicom-seg", SEG)
    assert sent.commitment is None


def test_a_label_map_that_is_accepted_stays_one(start: Start) -> None:
    sending = start("dicom-labelmap")
    with archive() as there:
        assert sending.sender(there.peer()).step()
    assert there.stored == [LABELMAP]
    assert sending.delivery.sent_as == "dicom-labelmap"


@pytest.mark.parametrize(("form", "status"), [("dicom-seg", None), ("dicom-labelmap", 0xA700)])
def test_nothing_else_is_sent_otherwise(start: Start, form: str, status: int | None) -> None:
    """A SEG has no fallback; an archive without space is asked again for the label map."""
    sending = start(form)
    with archive((LABELMAP,) if status is None else (SEG, LABELMAP), status=status or 0) as there:
        assert sending.sender(there.peer()).step()
    assert there.stored == []
    expected = DeliveryState.FAILED if status is None else DeliveryState.WAITING
    assert (sending.delivery.state, sending.delivery.sent_as) == (expected, None)


@pytest.mark.parametrize("lost", [0, 0x0112])
def test_a_commitment_on_the_same_association(start: Start, lost: int) -> None:
    """Without a DICOM port of our own, the report is awaited there."""
    sending = start("dicom-seg")
    with archive(commits=True, lost=lost) as there:
        peer = there.peer(storage_commitment=True)
        assert sending.sender(peer).step()
        assert sending.delivery.commitment is Commitment.DUE
        assert sending.requester(peer).step()
        assert not sending.requester(peer).step()
    (request,) = there.requests
    (item,) = request.ReferencedSOPSequence
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == (
        SEG,
        series(1)[0].SOPInstanceUID,
    )
    found = sending.delivery
    if lost:
        assert (found.state, found.commitment) == (DeliveryState.FAILED, Commitment.FAILED)
        assert "0112H" in str(found.error)
    else:
        assert (found.state, found.commitment) == (DeliveryState.SENT, Commitment.COMMITTED)


def test_a_commitment_on_an_association_of_the_archive(start: Start, tmp_path: Path) -> None:
    """It is recorded once; a report with a foreign TransactionUID changes nothing."""
    sending = start("dicom-seg")
    sending.listens = True
    settings = Settings(data=tmp_path, dicom_port=free_port())
    inbox = SeriesInbox(settings)
    scp = sending.receiver(settings, inbox)
    with archive() as there:
        peer = there.peer(storage_commitment=True)
        assert sending.sender(peer).step()
        assert sending.requester(peer).step()
        assert sending.commitment == "requested"
        assert not sending.requester(peer).step(), "not again before the report is overdue"
        (request,) = there.requests
        good, request.TransactionUID = request.TransactionUID, "2.25.7"
        assert there.report(request, settings.dicom_port) == storage_commitment.INVALID_ARGUMENT
        assert sending.commitment == "requested"
        request.TransactionUID = good
        assert there.report(request, settings.dicom_port) == 0x0000
    assert sending.commitment == "committed"
    scp.stop()
    inbox.close()


def test_orthanc_takes_no_label_maps(start: Start, orthanc: Orthanc) -> None:
    """This version does not know their SOP class, and is sent the binary segmentation."""
    sending = start("dicom-labelmap")
    where = {"host": "127.0.0.1", "port": orthanc.dicom, "ae_title": "ORTHANC"}
    assert sending.sender(Peer.model_validate({"name": "archive", **where})).step()
    assert sending.delivery.sent_as == "dicom-seg"
    (found,) = orthanc.instances("MR")
    assert dcmread(io.BytesIO(orthanc.file(found["ID"]))).SOPClassUID == SEG


def test_orthanc_commits(start: Start, tmp_path: Path, orthanc: Orthanc) -> None:
    """It reports on an association of its own; what was deleted meanwhile is not committed."""
    sending = start("dicom-seg")
    sending.listens = True
    settings = Settings(data=tmp_path, dicom_port=free_port())
    inbox = SeriesInbox(settings)
    scp = sending.receiver(settings, inbox)
    orthanc.modality("tessera", settings.dicom_port)
    where = {"host": "127.0.0.1", "port": orthanc.dicom, "ae_title": "ORTHANC"}
    peer = Peer.model_validate({"name": "archive", "storage_commitment": True, **where})
    assert sending.sender(peer).step()
    assert sending.requester(peer).step()
    until(lambda: sending.commitment == "committed")
    for one in orthanc.instances("MR"):
        orthanc.client.delete(f"/instances/{one['ID']}").raise_for_status()
    (again,) = sending.repository.deliveries.request("ada", "job", [sending.delivery])
    assert (again.commitment, again.transaction, again.sent_as) == (None, None, None)
    assert sending.sender(peer).step()
    for one in orthanc.instances("MR"):
        orthanc.client.delete(f"/instances/{one['ID']}").raise_for_status()
    assert sending.requester(peer).step()
    until(lambda: sending.commitment == "failed")
    assert sending.delivery.state is DeliveryState.FAILED
    scp.stop()
    inbox.close()


def test_a_report_that_never_comes(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is repeated with a new TransactionUID, and given up at last with the reason."""
    monkeypatch.setattr(commitments, "REPORT_WAIT_S", 0.0)
    monkeypatch.setattr(commitments, "MOST_REQUESTS", 2)
    sending = start("dicom-seg")
    sending.listens = True
    with archive() as there:
        peer = there.peer(storage_commitment=True)
        assert sending.sender(peer).step()
        while sending.requester(peer).step():
            pass
    assert len({str(request.TransactionUID) for request in there.requests}) == 2
    found = sending.delivery
    assert (found.state, found.commitment) == (DeliveryState.SENT, Commitment.FAILED)
    assert "never reported" in str(found.error)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_metrics_of_a_peer(start: Start) -> None:
    """What waits and for how long, what was attempted, and whether the peer answered."""
    sending = start("dicom-seg")
    assert sending.metric("tessera_deliveries", "waiting") == 1
    assert (sending.metric("tessera_delivery_oldest_seconds") or -1) >= 0
    assert sending.metric("tessera_peer_up") is None
    with archive() as there:
        peer = there.peer(timeout_s=1)
        assert DicomPeerProbe("TESSERA").probe(there.peer()) == {"c-echo": "ok"}
    assert sending.sender(peer).step()
    assert sending.metric("tessera_delivery_attempts_total", "postponed") == 1
    assert sending.metric("tessera_peer_up") == 0
    me = LocalAdministrator().authenticate(BackgroundTask("test", "ada"))
    assert "unavailable" in sending.health(peer).check(me, "archive")["c-echo"]
    with archive() as there:
        peer = there.peer()
        assert sending.health(peer).check(me, "archive") == {"c-echo": "ok"}
        assert sending.metric("tessera_peer_up") == 1
        until(sending.sender(peer).step)
    assert sending.metric("tessera_delivery_attempts_total", "sent") == 1
    assert sending.metric("tessera_deliveries", "sent") == 1
    assert sending.metric("tessera_deliveries", "waiting") is None
    assert sending.metric("tessera_delivery_oldest_seconds") is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_archive_that_is_unavailable_is_asked_later(start: Start) -> None:
    sending = start("dicom-seg")
    with archive() as there:
        assert sending.sender(there.peer(storage_commitment=True)).step()
    away = there.peer(storage_commitment=True, timeout_s=1)
    assert sending.requester(away).step()
    found = sending.delivery
    assert (found.state, found.commitment) == (DeliveryState.SENT, Commitment.DUE)
    assert found.error is not None
    assert not sending.requester(away).step(), "postponed"


def test_an_outage_never_ends_the_requests(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an archive that is unavailable for 40 attempts, then accepts and does not report."""

    def due_in(attempts: int, _: float) -> float:
        waits.append(attempts)
        return 0.0

    monkeypatch.setattr(commitments, "due_in", due_in)
    monkeypatch.setattr(commitments, "REPORT_WAIT_S", 0.0)
    waits: list[int] = []
    sending = start("dicom-seg")
    sending.listens = True
    sending.mark_sent()
    peer = Archive(port=1).peer(storage_commitment=True)

    def unavailable(*_: object) -> None:
        raise PeerUnavailable("The peer is unavailable.")

    monkeypatch.setattr(storage_commitment, "requested", unavailable)
    for _ in range(40):
        assert sending.requester(peer).step()
    assert waits == list(range(1, 41))
    assert (sending.commitment, sending.delivery.commit_requests) == ("due", 0)
    accepts = nullcontext(threading.Event())
    monkeypatch.setattr(storage_commitment, "requested", lambda *_: accepts)
    for accepted in range(1, 25):
        assert sending.requester(peer).step()
        assert (sending.commitment, sending.delivery.commit_requests) == ("requested", accepted)
    assert sending.requester(peer).step()
    assert sending.commitment == "failed"


_LONGEST = pytest.mark.parametrize(("timeout_s", "longest_s"), [(1.0, 63.0), (3600.0, 4 * 3600.0)])
"""Connection, association, response and release each take `timeout_s`; a response 60 s at least."""


@_LONGEST
def test_a_claim_of_a_commitment_outlasts_the_exchange(
    start: Start, timeout_s: float, longest_s: float
) -> None:
    sending = start("dicom-seg")
    sending.mark_sent()
    held = sending.commitments.claim(Archive(port=1).peer(timeout_s=timeout_s))
    assert held is not None
    assert held.due_at - time.time() > longest_s


@_LONGEST
def test_a_claim_of_a_delivery_outlasts_two_exchanges(
    start: Start, timeout_s: float, longest_s: float
) -> None:
    """A sender sends a second object where the peer does not store the first kind."""
    sending = start("dicom-seg")
    held_s: list[float] = []

    class Noting(_Results):
        def write(self, *_: object) -> None:
            held_s.append(sending.delivery.due_at - time.time())
            raise PeerUnavailable("The peer is unavailable.")

    assert sending.sender(Archive(port=1).peer(timeout_s=timeout_s), Noting()).step()
    (lease_s,) = held_s
    assert lease_s > 2 * longest_s


def test_waiting_for_a_report_delays_nothing(start: Start) -> None:
    """Given an archive that does not report for an hour: the request is stored as accepted, so
    that no other gateway repeats it; deliveries go on; and the wait ends with the association."""
    sending = start("dicom-seg")
    sending.mark_sent()
    with archive() as there:
        peer = there.peer(storage_commitment=True, timeout_s=3600)
        waiting = threading.Thread(target=sending.requester(peer).step, daemon=True)
        waiting.start()
        until(lambda: sending.commitment == "requested")
        assert sending.delivery.due_at - time.time() > 2 * 3600 - 60
        assert sending.delivery.commit_requests == 1
        again = Delivery("again", "job", "archive", "dicom-labelmap", time.time())
        sending.repository.deliveries.request("ada", "job", [again])
        sender = sending.sender(peer)
        sender.start()
        until(lambda: there.stored == [LABELMAP])
        assert waiting.is_alive()
        sender.stop()
    waiting.join(20)
    assert not waiting.is_alive()


def test_an_archive_without_commitment(start: Start) -> None:
    """What it stores is sent; that it commits nothing is said, and it is not asked again."""
    sending = start("dicom-seg")
    with archive(offers=False) as there:
        peer = there.peer(storage_commitment=True)
        assert sending.sender(peer).step()
        assert sending.requester(peer).step()
        assert not sending.requester(peer).step()
    found = sending.delivery
    assert (found.state, found.commitment) == (DeliveryState.SENT, Commitment.FAILED)
    assert "offers no storage commitment" in str(found.error)
