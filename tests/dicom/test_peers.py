"""Peers that refuse, fail, or send too much: what is tried again, and what is not."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import cast

import pytest
from pydicom.uid import UID

from imaging.errors import BadRequest, NotFound, StorageFull, UnsupportedScan
from imaging.formats.dicom.instance_identity import identify
from jobs.settings import Settings
from jobs.stored_scan import StoredScan
from service.app import create_app
from service.auth import DicomCaller, LocalAdministrator
from service.dicom import dicomweb_client, dicomweb_exchange, storage_scu
from service.resources.peers import ObjectRefused, Peer, PeerRefused, PeerUnavailable
from service.resources.routing_table import RoutingTable
from service.use_cases.archives import Archives, RemoteSeries
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.received_file import ReceivedFile
from service.use_cases.scan_intake import IntakeResult, ScanIntake, ScanSelection, TakenScan
from tests.support.answers import check_problem
from tests.support.dicom.associations import store as send
from tests.support.dicom.mr_series import NUMBER, as_bytes, series, written
from tests.support.images import nifti_bytes
from tests.support.installation import Installation
from tests.support.orthanc import Orthanc
from tests.support.ports import free_port
from tests.support.waiting import until


@contextmanager
def answering(
    status: int, body: bytes = b"", kind: str = "text/plain", location: str = ""
) -> Iterator[Peer]:
    """A server that gives this answer to whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # nobody hears it to its end
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Peer(name="it", dicomweb=f"http://127.0.0.1:{server.server_port}/dicom-web")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return written(series(1), tmp_path / "one")[0]


def failed(reason: int) -> bytes:
    return (
        b'{"00081198":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[%d]},'
        b'"00081155":{"vr":"UI","Value":["1.2.3"]}}]}}' % reason
    )


@pytest.mark.parametrize(
    ("status", "body", "raised"),
    [
        (500, b"", PeerUnavailable),
        (502, b"", PeerUnavailable),
        (503, b"", PeerUnavailable),
        (429, b"", PeerUnavailable),
        (400, b"", PeerRefused),
        (401, b"", PeerRefused),
        (404, b"", PeerRefused),
        (409, failed(0xA900), PeerRefused),
        (409, failed(0xA700), PeerUnavailable),
        (409, b"[]", PeerRefused),
        (202, failed(0x0110), PeerUnavailable),
        (202, failed(0xC000), PeerRefused),
        (200, b"this is no JSON", PeerRefused),
    ],
)
def test_stow(image: Path, status: int, body: bytes, raised: type[Exception]) -> None:
    with (
        answering(status, body, "application/dicom+json") as peer,
        pytest.raises(raised) as refused,
    ):
        dicomweb_client.store(peer, image)
    assert "127.0.0.1" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body", "about_the_object"),
    [
        (400, b"", True),
        (409, failed(0x0122), True),
        (202, failed(0xA900), True),
        (415, b"", True),
        (401, b"", False),
        (403, b"", False),
        (404, b"", False),
    ],
)
def test_stow_refuses_an_object(
    image: Path, status: int, body: bytes, about_the_object: bool
) -> None:
    """Another format may be accepted then; it is not, where the peer refuses us or the address."""
    with (
        answering(status, body, "application/dicom+json") as peer,
        pytest.raises(PeerRefused) as refused,
    ):
        dicomweb_client.store(peer, image)
    assert isinstance(refused.value, ObjectRefused) is about_the_object


def test_a_search_refuses_no_object() -> None:
    with answering(400) as peer, pytest.raises(PeerRefused) as refused:
        dicomweb_client.search(peer, {}, 9)
    assert not isinstance(refused.value, ObjectRefused)


def test_stow_is_stored(image: Path) -> None:
    with answering(200, b"{}", "application/dicom+json") as peer:
        dicomweb_client.store(peer, image)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_is_there(image: Path) -> None:
    port = free_port()  # whose refused socket pynetdicom leaves to the garbage collector
    web = Peer(name="it", dicomweb=f"http://127.0.0.1:{port}", timeout_s=2)
    dicom = Peer(name="it", host="127.0.0.1", port=port, ae_title="PACS", timeout_s=2)
    with pytest.raises(PeerUnavailable):
        dicomweb_client.store(web, image)
    with pytest.raises(PeerUnavailable):
        dicomweb_client.search(web, {}, 9)
    with pytest.raises(PeerUnavailable):
        storage_scu.store(dicom, image, identify(image), "TESSERA")
    with pytest.raises(BadRequest):
        dicomweb_client.search(dicom, {}, 9)


@pytest.mark.parametrize(
    "body", [b"[1, 2]", b'{"a": 1}', b"<html>", b'[{"00100020": {"Value": 7}}]']
)
def test_answers_that_are_none(body: bytes) -> None:
    with answering(200, body, "application/dicom+json") as peer:
        try:
            found = dicomweb_client.search(peer, {}, 9)
        except PeerRefused:
            return
    assert all(one.SeriesInstanceUID == "" for one in found)


HERE, THERE = (Peer(name=name, dicomweb="http://127.0.0.1:1") for name in ("here", "there"))


ME = LocalAdministrator().authenticate(DicomCaller("ME"))
STUDY = ("1.2", None, ScanSelection(each=True))


def _archives(*modalities: str, takes: Iterable[object]) -> Archives:
    """Peers that have a series of each modality; what taking in each of them gives or raises."""
    outcomes = iter(takes)

    class Client:
        def search(self, *_: object) -> list[RemoteSeries]:
            values = dict.fromkeys((field.name for field in fields(RemoteSeries)), "")
            values["StudyInstanceUID"] = "1.2"
            return [
                RemoteSeries(**{**values, "SeriesInstanceUID": f"1.2.{n}", "Modality": one})  # type: ignore[arg-type]
                for n, one in enumerate(modalities, 3)
            ]

        def fetch(self, *_: object) -> AbstractContextManager[list[ReceivedFile]]:
            return nullcontext([])

    class Intake:
        def take_in(self, *_: object) -> IntakeResult:
            outcome = next(outcomes)
            if isinstance(outcome, Exception):
                raise outcome
            return IntakeResult([TakenScan(cast("StoredScan", outcome), created=True)])

    intake = cast("ScanIntake", Intake())
    return Archives(RoutingTable(peer=(HERE, THERE)), Client(), intake, AuditRecorder(None))


def test_a_study_is_fetched_whole_or_it_is_said() -> None:
    """A series that is no scan is passed over; a full disk is no reason to give half a study."""
    archives = _archives("CT", "CT", takes=["scan", UnsupportedScan("A cine.")])
    assert archives.pull(ME, "here", *STUDY) == ["scan"]  # type: ignore[comparison-overlap]
    archives = _archives("CT", "CT", takes=["scan", StorageFull("No room.")])
    with pytest.raises(StorageFull):
        archives.pull(ME, "here", *STUDY)
    archives = _archives("SEG", "SR", takes=[])
    with pytest.raises(NotFound):
        archives.pull(ME, "here", *STUDY)


def test_another_peer_may_have_it() -> None:
    """Given two archives of which one is away, the other is asked; with none left, it is said."""
    takes = iter([PeerUnavailable("Away."), "scan"])
    _archives("MR", takes=takes).pull_from_any(ME, "1.2.3")
    assert not list(takes)
    archives = _archives("MR", takes=[PeerUnavailable("Away."), NotFound("None.")])
    with pytest.raises(PeerUnavailable):
        archives.pull_from_any(ME, "1.2.3")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_sent_on(image: Path, status: int) -> None:
    """Given a peer that names another address, nothing is asked or told there."""
    with (
        answering(200, b"[]", "application/dicom+json") as elsewhere,
        answering(status, location=str(elsewhere.dicomweb)) as peer,
    ):
        with pytest.raises(PeerRefused, match=str(status)):
            dicomweb_client.search(peer, {}, 9)
        with pytest.raises(PeerRefused, match=str(status)):
            dicomweb_client.store(peer, image)


def test_an_answer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more than any list of series takes, it is not read to its end."""
    monkeypatch.setattr(dicomweb_exchange, "_MAX_RESPONSE_BYTES", 1 << 16)
    body = b"[" + b" " * (8 << 20) + b"]"
    with (
        answering(200, body, "application/dicom+json") as peer,
        pytest.raises(PeerRefused, match="too long"),
    ):
        dicomweb_client.search(peer, {}, 9)


def test_c_store_to_orthanc(orthanc: Orthanc, tmp_path: Path) -> None:
    """Stored; refused under another title, and where the class is not taken."""
    path, *_ = written(series(2), tmp_path / "images")
    peer = Peer(name="it", host="127.0.0.1", port=orthanc.dicom, ae_title="ORTHANC")
    storage_scu.store(peer, path, identify(path), "TESSERA")
    assert len(orthanc.instances("MR")) == 1
    storage_scu.store(peer, path, identify(path), "TESSERA")
    assert len(orthanc.instances("MR")) == 1
    wrong = Peer(name="it", host="127.0.0.1", port=orthanc.dicom, ae_title="NOBODY")
    with pytest.raises(PeerRefused):
        storage_scu.store(wrong, path, identify(path), "TESSERA")
    (strange,) = series(1)
    strange.SOPClassUID = strange.file_meta.MediaStorageSOPClassUID = UID("1.2.3.4.5")
    path.write_bytes(as_bytes(strange))
    with pytest.raises(PeerRefused):
        storage_scu.store(peer, path, identify(path), "TESSERA")


def test_routes_say_what_a_peer_does(orthanc: Orthanc, installation: Installation) -> None:
    """A peer that is away is a 503, one that is not known 404, too much 413; none tells a name."""
    orthanc.put(series(24))
    text = f'[[peer]]\nname = "archive"\ndicomweb = "{orthanc.url}/dicom-web"\ntimeout_s = 5\n'
    text += '[[peer]]\nname = "old"\nhost = "127.0.0.1"\nport = 104\nae_title = "OLD"\n'
    client = installation.gateway(text, dicom_port="0", max_upload_bytes="20000").client
    uid = str(series(1)[0].SeriesInstanceUID)
    pull = {"from": "archive", "series": uid}
    check_problem(client.post("/v1/scans/pull", json=pull), 413, uid)
    check_problem(client.post("/v1/scans/pull", json={**pull, "series": "1.2.3"}), 404)
    check_problem(client.post("/v1/scans/pull", json={**pull, "from": "nobody"}), 404)
    check_problem(client.post("/v1/scans/pull", json={**pull, "from": "old"}), 422)
    check_problem(client.post("/v1/scans/pull", json={"from": "archive"}), 422)
    check_problem(client.post("/v1/scans/pull", json={**pull, "series": "x' OR 1"}), 422)
    check_problem(client.get("/v1/peers/archive/series?Nonsense=1"), 422)
    check_problem(client.get("/v1/peers/nobody/series"), 404)
    assert {n["name"]: n["send"] for n in client.get("/v1/peers").json()} == {
        "archive": "stow-rs",
        "old": "c-store",
    }
    assert client.get("/v1/scans").json()["scans"] == []
    healthy = client.get("/v1/peers/archive/health")
    assert (healthy.status_code, healthy.json()["parts"]) == (200, {"qido-rs": "ok"})
    check_problem(client.get("/v1/peers/nobody/health"), 404)
    orthanc.kill()
    unwell = client.get("/v1/peers/archive/health")
    assert (unwell.status_code, unwell.json()["status"]) == (503, "unavailable")
    assert 'tessera_peer_up{peer="archive"} 0.0' in client.get("/metrics").text
    check_problem(client.post("/v1/scans/pull", json=pull), 503, uid)
    answer = client.get(f"/v1/peers/archive/series?PatientID={NUMBER}")
    check_problem(answer, 503, NUMBER)
    assert NUMBER not in installation.logs()
    assert uid not in installation.logs()


def test_only_dicom_can_be_delivered(installation: Installation) -> None:
    gateway = installation.gateway('[[peer]]\nname = "a"\ndicomweb = "http://127.0.0.1:1"\n')
    job = gateway.job(scan=gateway.scan(nifti_bytes((20, 20, 20))), model="small")["id"]
    asked = {"to": ["a"], "formats": ["dicom-seg"]}
    check_problem(gateway.client.post(f"/v1/jobs/{job}/deliveries", json=asked), 422)
    assert gateway.client.get(f"/v1/jobs/{job}/deliveries").json() == []


def test_deliveries_of_a_cancelled_job_fail_and_come_back_with_it(
    installation: Installation,
) -> None:
    """The reason is told; a retry lets them wait again."""
    gateway = installation.gateway(
        '[[peer]]\nname = "a"\ndicomweb = "http://127.0.0.1:1"\n'
        '[[rule]]\nmodel = "small"\nto = ["a"]\n'
    )
    send(installation.dicom, series(6))
    (job,) = until(lambda: gateway.client.get("/v1/jobs").json()["jobs"])
    address = f"/v1/jobs/{job['id']}/deliveries"
    assert [d["state"] for d in gateway.client.get(address).json()] == ["waiting"]
    gateway.client.post(f"/v1/jobs/{job['id']}/cancel")
    (failed_one,) = until(
        lambda: [d for d in gateway.client.get(address).json() if d["state"] == "failed"]
    )
    assert failed_one["error"]["status"] == 409
    gateway.client.post(f"/v1/jobs/{job['id']}/retry")
    assert [d["state"] for d in gateway.client.get(address).json()] == ["waiting"]


def test_bad_routes_stop_the_start(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    path.write_text('[[rule]]\nmodel = "none-such"\n')
    with pytest.raises(BadRequest) as refused:
        create_app(Settings(data=tmp_path, routing_table=path))
    assert "rule.0.model" in str(refused.value)
