"""Peers that answer with other images than they were asked for: nothing of them is stored."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from pydicom import Dataset

from jobs.audit.event import AuditAction, AuditObject, AuditOutcome
from jobs.audit.filter import AuditFilter
from jobs.repository import Repository
from jobs.settings import Settings
from service.app import create_app
from tests.support.answers import check_problem
from tests.support.dicom.mr_series import as_bytes, series
from tests.support.served_app import served

ASKED, OTHER = series(3, seed=1), series(3, seed=2)


@dataclass
class Archive:
    """A DICOMweb server that lists and sends what it wants, whatever it is asked."""

    listed: list[Dataset] = field(default_factory=list)
    sent: list[Dataset] = field(default_factory=list)
    root: str = ""

    def answer(self, path: str) -> tuple[str, bytes]:
        if path.partition("?")[0].endswith("/series"):
            rows = [_without_pixels(image).to_json_dict() for image in self.listed]
            return "application/dicom+json", json.dumps(rows).encode()
        parts = b"".join(
            b"--b\r\nContent-Type: application/dicom\r\n\r\n" + as_bytes(image) + b"\r\n"
            for image in self.sent
        )
        return 'multipart/related; type="application/dicom"; boundary=b', parts + b"--b--\r\n"


def _without_pixels(image: Dataset) -> Dataset:
    return Dataset({element.tag: element for element in image if element.keyword != "PixelData"})


@pytest.fixture
def archive() -> Iterator[Archive]:
    """An archive on a loopback port."""
    one = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = one.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    one.root = f"http://127.0.0.1:{server.server_port}/dicom-web"
    yield one
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path, archive: Archive) -> Settings:
    routes = tmp_path / "routes.toml"
    routes.write_text(f'[[peer]]\nname = "archive"\ndicomweb = "{archive.root}"\n')
    return Settings(data=tmp_path / "data", routing_table=routes)


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx.Client]:
    with served(create_app(settings)) as running:
        yield running


def test_only_what_was_asked_for_is_stored(
    client: httpx.Client, archive: Archive, settings: Settings
) -> None:
    """Another series or study in the list or among the images is refused, and recorded."""
    study, uid = str(ASKED[0].StudyInstanceUID), str(ASKED[0].SeriesInstanceUID)
    by_series = {"from": "archive", "series": uid}
    by_study = {"from": "archive", "study": study}
    foreign_study = series(1, seed=1, StudyInstanceUID=str(OTHER[0].StudyInstanceUID))
    refusals = (
        ([OTHER[0]], OTHER, by_series),
        ([ASKED[0], OTHER[0]], ASKED, by_series),
        ([ASKED[0], OTHER[0]], ASKED, by_study),
        ([ASKED[0]], [*ASKED, OTHER[0]], by_series),
        ([ASKED[0]], [*ASKED[1:], *foreign_study], by_study),
    )
    for archive.listed, archive.sent, request in refusals:
        check_problem(client.post("/v1/scans/pull", json=request), 422, uid)
        image = client.get("/monai-label/datastore/image/info", params={"image": uid})
        check_problem(image, 422, uid)
        assert client.get("/v1/scans").json()["scans"] == []
    with closing(Repository(settings.database)) as repository:
        events = [one.event for one in repository.audit.events(AuditFilter())]
    of_peers = [one for one in events if one.object_kind is AuditObject.PEER]
    assert {(n.action, n.outcome, n.object_id) for n in of_peers} == {
        (AuditAction.UPLOAD, AuditOutcome.FAILED, "archive")
    }
    assert len(of_peers) == 2 * len(refusals)
    archive.listed, archive.sent = [ASKED[0], ASKED[0]], ASKED
    assert [n["series"] for n in client.post("/v1/scans/pull", json=by_series).json()] == [uid]
