"""Uploads in several requests: nothing lost, nothing doubled, nothing kept for ever."""

import base64
import errno
import hashlib
import http.client
import os
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from imaging.errors import Conflict, NotFound, ScanTooLarge, StorageFull
from jobs.blobs import open_blobs
from jobs.settings import Settings
from models.registry import Registry
from service.app import create_app
from service.auth import LocalAdministrator
from service.resources.partial_uploads import PartialUploads, UploadLimits
from service.use_cases.audit_recorder import AuditRecorder
from service.use_cases.upload_expiry import UploadExpiry
from tests.support.answers import check_problem
from tests.support.gateway import UPLOAD_LIMIT, Gateway
from tests.support.images import nifti_bytes
from tests.support.served_app import served
from tests.support.waiting import until

TUS = {"Tus-Resumable": "1.0.0"}
PART = TUS | {"Content-Type": "application/offset+octet-stream"}
LIMITS = UploadLimits(max_bytes=100, space_bytes=1000, max_per_caller=4, keep_s=60)


@pytest.fixture
def uploads(tmp_path: Path) -> PartialUploads:
    return PartialUploads(tmp_path / "uploads", LIMITS)


@pytest.fixture
def client(tmp_path: Path, models: Path) -> Iterator[httpx.Client]:
    settings = Settings(data=tmp_path / "data", broker_url="file://")
    with served(create_app(settings, Registry(models))) as client:
        yield client


def create(client: httpx.Client, length: int, name: str = "a.nii", **headers: str) -> str:
    encoded = base64.b64encode(name.encode()).decode()
    told = {"Upload-Length": str(length), "Upload-Metadata": f"other eA==, filename {encoded}"}
    answer = client.post("/v1/uploads", headers=TUS | told | headers)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def offset_of(client: httpx.Client, address: str) -> int:
    answer = client.head(address, headers=TUS)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def send(client: httpx.Client, address: str, offset: int, part: bytes) -> httpx.Response:
    return client.patch(address, headers=PART | {"Upload-Offset": str(offset)}, content=part)


def finish(client: httpx.Client, *addresses: str, sha256: str | None = None) -> httpx.Response:
    ids = [{"id": one.rpartition("/")[2], "sha256": sha256} for one in addresses]
    return client.post("/v1/scans/uploaded", json={"uploads": ids})


def test_a_scan_in_parts_is_the_scan_of_a_form(gateway: Gateway) -> None:
    content, client = nifti_bytes((9, 8, 7), 44), gateway.client
    address = create(client, len(content), "../Müller.nii")
    for start in range(0, len(content), 500):
        answer = send(client, address, start, content[start : start + 500])
        assert answer.status_code == 204
        assert int(answer.headers["upload-offset"]) == offset_of(client, address)
        assert answer.headers["tus-resumable"] == "1.0.0"
    sha256 = hashlib.sha256(content).hexdigest()
    first, again = (finish(client, address, sha256=sha256) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == gateway.upload(content).json()
    assert (first.json()["name"], first.json()["sha256"]) == ("Müller.nii", sha256)
    assert client.delete(address, headers=TUS).status_code == 204
    check_problem(finish(client, address), 404)
    assert client.get(first.headers["location"]).json() == first.json()


def test_parts_that_do_not_fit(gateway: Gateway) -> None:
    client = gateway.client
    address = create(client, 10)
    assert send(client, address, 0, b"01234").status_code == 204
    for offset in (0, 3, 6):
        check_problem(send(client, address, offset, b"x"), 409)
    check_problem(send(client, address, 5, b"567890"), 413)
    check_problem(finish(client, address), 409)
    assert offset_of(client, address) == 5
    wrong = TUS | {"Upload-Offset": "5", "Content-Type": "text/plain"}
    assert check_problem(client.patch(address, headers=wrong, content=b"x"), 415)
    answer = client.head(address)
    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")
    assert send(client, address, 5, b"56789").headers["upload-offset"] == "10"
    check_problem(finish(client, address, sha256="0" * 64), 422)  # and it is deleted
    check_problem(send(client, address, 10, b""), 404)
    big = TUS | {"Upload-Length": str(UPLOAD_LIMIT + 1)}
    check_problem(client.post("/v1/uploads", headers=big), 413)
    check_problem(client.post("/v1/uploads", headers=TUS | {"Upload-Length": "0"}), 422)
    check_problem(
        client.post(
            "/v1/uploads", headers=TUS | {"Upload-Length": "9", "Upload-Metadata": "filename ?"}
        ),
        422,
    )


def test_a_repeated_creation_finds_the_upload(gateway: Gateway) -> None:
    client, key = gateway.client, {"Idempotency-Key": "file-1"}
    address = create(client, 10, **key)
    assert send(client, address, 0, b"0123").status_code == 204
    told = PART | key | {"Upload-Length": "10", "Upload-Metadata": "filename YS5uaWk="}
    answer = client.post("/v1/uploads", headers=told, content=b"0123456789")
    assert (answer.status_code, answer.headers["location"]) == (201, address)
    assert answer.headers["upload-offset"] == "4"
    check_problem(client.post("/v1/uploads", headers=told | {"Upload-Length": "11"}), 409)
    assert create(client, 10, **{"Idempotency-Key": "file-2"}) != address
    client.delete(address, headers=TUS)


@pytest.mark.parametrize("seed", range(4))
def test_a_connection_that_is_cut_loses_and_doubles_nothing(
    client: httpx.Client, seed: int
) -> None:
    """Cut after random numbers of bytes, each request continues where the one before ended."""
    choose = random.Random(seed)
    content = choose.randbytes(3_500_000)
    address = create(client, len(content))
    cuts = 0
    while (start := offset_of(client, address)) < len(content):
        rest = content[start:]
        length = choose.randrange(1, 2_000_000)
        link = http.client.HTTPConnection(client.base_url.host, client.base_url.port or 80)
        link.putrequest("PATCH", address)
        for name, value in (PART | {"Upload-Offset": str(start)}).items():
            link.putheader(name, value)
        link.putheader("Content-Length", str(len(rest)))
        link.endheaders()
        if length < len(rest):
            link.send(rest[:length])
            link.sock.shutdown(socket.SHUT_WR)
            cuts += 1
        else:
            link.send(rest)
        link.sock.settimeout(60)
        while link.sock.recv(65536):
            if length >= len(rest):
                break
        link.close()
        until(lambda start=start: offset_of(client, address) > start)  # type: ignore[misc]
    assert cuts > 0
    sha256 = hashlib.sha256(content).hexdigest()
    problem = check_problem(finish(client, address, sha256=sha256), 422)
    assert "SHA-256" not in str(problem["detail"])  # it is not a scan, but it is what was sent


def test_two_connections_never_mix(uploads: PartialUploads) -> None:
    """Given many senders of one upload, each byte is written once, at its place."""
    content = random.Random(0).randbytes(100)
    upload = uploads.create("p", "c", "a", len(content))

    def sender(seed: int) -> int:
        choose, accepted = random.Random(seed), 0
        while (start := uploads.offset(upload)) < len(content):
            block = content[start : start + choose.randrange(1, 4)]
            with suppress(Conflict):
                uploads.append(upload, start, block)
                accepted += len(block)
        return accepted

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(sender, range(8))) == len(content)
    assert next(uploads._folder.glob("*.part")).read_bytes() == content


def test_a_late_part_never_reaches_a_stored_file(uploads: PartialUploads, tmp_path: Path) -> None:
    """Given a part for an upload that was deleted and created again, and became a blob."""
    blobs = open_blobs(Settings(data=tmp_path))
    late = uploads.create("p", "c", "a", 6, "key")
    uploads.remove(late)
    again = uploads.create("p", "c", "a", 5, "key")
    assert again.id == late.id
    uploads.append(again, 0, b"bytes")
    uploads.link(again, tmp_path / "scan")
    sha256 = blobs.put(tmp_path / "scan", move=True)
    uploads.remove(late)  # as its expiry would: the other upload stays
    with pytest.raises(NotFound):
        uploads.append(late, 5, b"!")
    with pytest.raises(ScanTooLarge):
        uploads.append(again, 5, b"!")
    with blobs.local(sha256) as path:
        assert path.read_bytes() == b"bytes"


def test_a_part_that_waits_for_the_lock_never_reaches_a_removed_file(
    uploads: PartialUploads, tmp_path: Path
) -> None:
    """Given a part whose file was opened, then became a blob and was created again."""
    upload = uploads.create("p", "c", "a", 6, "key")
    with ThreadPoolExecutor(1) as pool, uploads._held(upload):
        late = pool.submit(uploads.append, upload, 0, b"late")
        until(lambda: _opened(uploads.path(upload)) == 2)
        (tmp_path / "blob").hardlink_to(uploads.path(upload))
        uploads.remove(upload)
        uploads.create("p", "c", "a", 6, "key")
    with pytest.raises(NotFound):
        late.result()
    assert (tmp_path / "blob").read_bytes() == b""


def _opened(path: Path) -> int:
    """How often this process has a file open."""
    links = [*Path("/proc/self/fd").iterdir()]
    return sum(1 for link in links if os.path.lexists(link) and link.readlink() == path)


def test_limits(uploads: PartialUploads) -> None:
    with pytest.raises(ScanTooLarge):
        uploads.create("p", "c", "a", 101)
    first, _ = (uploads.create("p", "c", "a", 100) for _ in range(2))
    with pytest.raises(StorageFull, match="TESSERA_UPLOAD_SPACE_BYTES"):
        uploads.create("p", "c", "a", 51)
    for _ in range(2):
        uploads.create("p", "c", "a", 1)
    with pytest.raises(StorageFull, match="TESSERA_MAX_UNFINISHED_UPLOADS"):
        uploads.create("p", "c", "a", 1)
    uploads.remove(first)
    uploads.create("p", "c", "a", 1)
    with pytest.raises(NotFound):
        uploads.append(first, 0, b"x")
    with pytest.raises(NotFound):
        uploads.get("another project", uploads.create("p", "d", "a", 1).id)
    assert uploads._folder.stat().st_mode & 0o777 == 0o700


def test_nobody_reserves_all_space(tmp_path: Path) -> None:
    """By halves: a caller leaves space to its project, and a project to all others."""
    limits = UploadLimits(max_bytes=40, space_bytes=640, max_per_caller=99, keep_s=9999)
    uploads = PartialUploads(tmp_path, limits)

    def reserved(project: str, caller: str) -> int:
        count = 0
        with suppress(StorageFull):
            while True:
                uploads.create(project, caller, "a", 40)
                count += 1
        return count

    assert [reserved("p", caller) for caller in "abcde"] == [4, 2, 1, 1, 0]
    assert [reserved(project, "a") for project in "qrstu"] == [2, 1, 1, 1, 1]
    assert [reserved(project, "b") for project in "qr"] == [0, 0]
    assert [reserved(project, "a") for project in "vwx"] == [1, 1, 0]


def test_finished_uploads_take_no_share_and_empty_ones_expire_soon(tmp_path: Path) -> None:
    """Given one sender of large files, each of which becomes a scan before the next is sent."""
    limits = UploadLimits(max_bytes=40, space_bytes=640, max_per_caller=99, keep_s=9999)
    uploads = PartialUploads(tmp_path, limits)
    for _ in range(10):
        upload = uploads.create("p", "c", "a", 40)
        assert uploads.expires_at(upload) < time.time() + 3600
        uploads.append(upload, 0, b"")
        assert uploads.expires_at(upload) < time.time() + 3600
        uploads.append(upload, 0, bytes(40))
        assert uploads.expires_at(upload) > time.time() + 3600
        uploads.mark_taken(upload)


def test_an_upload_that_nobody_finishes_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.use_cases.upload_expiry.POLL_S", 0.02)
    uploads = PartialUploads(
        tmp_path, UploadLimits(max_bytes=9, space_bytes=99, max_per_caller=9, keep_s=1.5)
    )
    upload = uploads.create("p", "c", "a", 9)
    end = uploads.expires_at(upload)
    uploads.append(upload, 0, b"0123")
    assert end < uploads.expires_at(upload) <= time.time() + 1.5
    expiry = UploadExpiry(uploads, LocalAdministrator(), AuditRecorder(None))
    expiry.start()
    try:
        until(lambda: not [*tmp_path.glob("*.json"), *tmp_path.glob("*.part")])
        assert time.time() > end
    finally:
        expiry.stop()


def test_a_disk_without_hard_links(
    uploads: PartialUploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is copied then; the fault is the one that such a file system reports."""

    def refuse(_path: Path, _target: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    upload = uploads.create("ada", "me", "a", 5)
    uploads.append(upload, 0, b"bytes")
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    uploads.link(upload, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"bytes"
    uploads.remove(upload)
    with pytest.raises(NotFound):
        uploads.link(upload, tmp_path / "another")
