"""Uploads: stored once, shown whole, or not at all."""

import gzip
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import zarr

from service.http.multipart import base_name
from tests.support.answers import check_problem
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes, png_bytes
from tests.support.waiting import until


def test_volume(gateway: Gateway) -> None:
    """What is told of a scan is what nibabel put in."""
    affine = np.array([[0, -2, 0, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])
    content = gzip.compress(nifti_bytes((5, 6, 7), 3, affine=affine))
    answer = gateway.upload(content, "subject/../näme.nii.gz")
    assert answer.status_code == 201
    scan = answer.json()
    assert answer.headers["location"] == f"/v1/scans/{scan['id']}"
    assert gateway.client.get(answer.headers["location"]).json() == scan
    assert (scan["format"], scan["dimension"], scan["shape"]) == ("nifti", 3, [1, 5, 6, 7])
    assert (scan["dtype"], scan["bytes"]) == ("int16", len(content))
    assert scan["spacing_mm"] == [1.0, 2.0, 3.0]
    np.testing.assert_array_equal(scan["affine"], affine)
    assert scan["name"] == "näme.nii.gz"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a.nii", "a.nii"),
        (b"C:\\scans\\a.nii", "a.nii"),
        (b"/tmp/a\0\n\x1b[31m.nii", "a[31m.nii"),
        (b"\xff\xfe.nii", "\ufffd\ufffd.nii"),
        ("Müller".encode(), "Müller"),
        (b"", "scan"),
        (b"../", "scan"),
        (b"x" * 999, "x" * 255),
    ],
)
def test_names_are_base_names_of_printable_text(sent: bytes, kept: str) -> None:
    assert (base_name(sent.decode("utf-8", "replace")) or "scan") == kept


def test_picture(gateway: Gateway) -> None:
    scan = gateway.upload(png_bytes((9, 11, 3))).json()
    assert (scan["format"], scan["dimension"], scan["shape"]) == ("png", 2, [3, 9, 11])
    assert scan["spacing_mm"] is None


def test_one_volume_or_each_of_a_file(gateway: Gateway) -> None:
    content = nifti_bytes((5, 6, 7, 2), 31)
    sent = {"files": ("run.nii", content)}
    problem = check_problem(gateway.client.post("/v1/scans", files=sent), 422, "run")
    choices = problem["choices"]
    assert isinstance(choices, list)
    assert [(one["volume"], one["slices"]) for one in choices] == [(1, 7), (2, 7)]
    second = gateway.client.post("/v1/scans", files=sent, params={"volume": 2})
    assert (second.status_code, second.json()["name"]) == (201, "run.nii: volume 2 of 2")
    every = gateway.client.post("/v1/scans", files=sent, params={"each": True}).json()["scans"]
    assert every[1]["id"] == second.json()["id"]
    volume = gateway.client.get(f"/v1/scans/{every[0]['id']}/volume").content
    served = nibabel.Nifti1Image.from_bytes(volume)
    whole = nibabel.Nifti1Image.from_bytes(content)
    assert np.array_equal(served.get_fdata(), whole.get_fdata()[..., 0])
    assert np.array_equal(served.affine, whole.affine)


def test_a_zipped_ome_zarr(gateway: Gateway, tmp_path: Path) -> None:
    """Its chunks are proved on the way in; another zip is told to be one."""
    values = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.create_array("0", data=values)
    space = [{"name": n, "type": "space", "unit": "millimeter"} for n in "zyx"]
    scale = [{"type": "scale", "scale": [3.0, 2.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    multiscales: list[Any] = [{"axes": space, "datasets": datasets}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales}
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "a.zarr")
    content = Path(packed).read_bytes()
    answer = gateway.upload(content, "a.ome.zarr.zip")
    assert answer.status_code == 201
    scan = answer.json()
    assert (scan["format"], scan["shape"]) == ("ome-zarr", [1, 4, 5, 6])
    assert scan["spacing_mm"] == [3.0, 2.0, 1.0]
    assert "LPS" in scan["warnings"][0]
    shown = gateway.client.get(f"/v1/scans/{scan['id']}/volume").content
    volume = nibabel.Nifti1Image.from_bytes(gzip.decompress(shown))
    np.testing.assert_array_equal(volume.get_fdata(), values)
    np.testing.assert_allclose(volume.affine, scan["affine"])
    (chunk,) = (path for path in (tmp_path / "a.zarr" / "0" / "c").rglob("*") if path.is_file())
    chunk.write_bytes(chunk.read_bytes()[:-9])
    broken = shutil.make_archive(str(tmp_path / "broken"), "zip", tmp_path / "a.zarr")
    check_problem(gateway.upload(Path(broken).read_bytes(), "b.zip"), 422)
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("hello")
    other = shutil.make_archive(str(tmp_path / "other"), "zip", tmp_path / "text")
    problem = check_problem(gateway.upload(Path(other).read_bytes(), "c.zip"), 415)
    assert "zip" in str(problem["detail"])


def test_second_identical_upload(gateway: Gateway) -> None:
    """The same bytes are the same scan, whatever they are called."""
    content = nifti_bytes(seed=7)
    first, kept = gateway.upload(content, "one.nii"), gateway.kept()
    second = gateway.upload(content, "two.nii.gz")
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second.headers["location"] == first.headers["location"]
    assert gateway.kept() == kept


def test_identical_uploads_at_once(gateway: Gateway) -> None:
    """Many at the same time are one scan, new to exactly one of them."""
    content = nifti_bytes((40, 40, 40), seed=8)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.upload(content), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def _head(length: int) -> bytes:
    lines = (
        "POST /v1/scans HTTP/1.1",
        "Host: localhost",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {length}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="Miller.nii"\r\n\r\n'


@pytest.mark.parametrize("goodbye", ["close", "reset"])
def test_upload_cut_off(gateway: Gateway, goodbye: str) -> None:
    """Given an upload whose sender goes away half way, nothing of it stays anywhere."""
    content = PART + nifti_bytes((100, 100, 100)) + b"\r\n--x--\r\n"
    kept, log = gateway.kept(), gateway.log.read_bytes()
    with socket.create_connection(("127.0.0.1", gateway.port)) as link:
        link.sendall(_head(len(content)) + content[: len(content) // 2])
        until(lambda: any("gateway-" in str(path) for path in gateway.kept()[0]))
        if goodbye == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    until(lambda: gateway.kept() == kept)
    told = gateway.log.read_bytes().removeprefix(log).decode()
    assert "Miller" not in told
    assert "Traceback" not in told
    assert "Error " not in told


def test_form_cut_off(gateway: Gateway) -> None:
    """A body that is whole for HTTP, but whose form lacks its end, is refused."""
    kept = gateway.kept()
    for content in (PART + nifti_bytes(), PART[:40], b"", b"no form at all"):
        answer = gateway.client.post(
            "/v1/scans",
            content=content,
            headers={"Content-Type": "multipart/form-data; boundary=x"},
        )
        check_problem(answer, 422, "Miller")
    assert gateway.kept() == kept


def test_other_forms(gateway: Gateway) -> None:
    kept, post = gateway.kept(), gateway.client.post
    one = ("a.nii", nifti_bytes(seed=21))
    several = check_problem(
        post("/v1/scans", files=[("files", one), ("files", ("b.nii", nifti_bytes(seed=22)))]), 422
    )
    assert "One file" in str(several["expected"])
    check_problem(post("/v1/scans", files={"file": one}), 422)
    check_problem(post("/v1/scans", files={"files": one}, data={"files": "text"}), 422)
    check_problem(post("/v1/scans", data={"files": "text"}), 422)
    check_problem(post("/v1/scans", json={"files": "text"}), 422)
    check_problem(post("/v1/scans"), 422)
    long = PART.replace(b"Miller", b"M" * 100_000) + nifti_bytes(seed=23) + b"\r\n--x--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    check_problem(post("/v1/scans", content=long, headers=form), 422, "MMMM")
    form["Content-Type"] += "x" * 5000
    check_problem(post("/v1/scans", content=PART, headers=form), 422, "xxxx")
    assert gateway.kept() == kept


def test_killed_gateway_leaves_nothing_behind(start_gateway: Start) -> None:
    """Given a gateway killed in the middle of an upload, the next start clears up after it."""
    first = start_gateway()
    with socket.create_connection(("127.0.0.1", first.port)) as link:
        link.sendall(_head(10**9) + PART + nifti_bytes((100, 100, 100)))
        until(lambda: any("gateway-" in str(path) for path in first.kept()[0]))
        first.stop(signal.SIGKILL)
    assert list((first.data / "tmp").glob("gateway-*"))
    second = start_gateway()
    assert second.kept() == (set(), 0)
    assert len(list((first.data / "tmp").glob("gateway-*"))) == 1


def test_stopped_gateway_ends_at_once(start_gateway: Start) -> None:
    """SIGTERM ends it within seconds, whatever hangs on it, and takes its scratch along."""
    gateway = start_gateway()
    job = gateway.job(scan=gateway.scan(nifti_bytes()), model="solid")["id"]
    with (
        socket.create_connection(("127.0.0.1", gateway.port)) as link,
        gateway.client.stream("GET", f"/v1/jobs/{job}/events") as follower,
    ):
        link.sendall(_head(10**9) + PART)
        next(follower.iter_lines())
        begun = time.monotonic()
        gateway.process.terminate()
        gateway.process.wait(20)
    assert time.monotonic() - begun < 15
    assert not list((gateway.data / "tmp").glob("gateway-*"))


def test_list_is_paged(gateway: Gateway) -> None:
    """Newest first, none twice and none left out."""
    ids = [gateway.scan(nifti_bytes(seed=80 + n)) for n in range(5)]
    found: list[str] = []
    asked: dict[str, Any] = {"limit": 2}
    while len(found) < 5 or asked["cursor"] is not None:
        page = gateway.client.get("/v1/scans", params=asked).json()
        assert len(page["scans"]) <= asked["limit"]
        found += [scan["id"] for scan in page["scans"]]
        asked = {"limit": 2 if len(found) < 5 else 200, "cursor": page["next_cursor"]}
    assert found[:5] == ids[::-1]
    assert len(set(found)) == len(found)
    for bad in ({"cursor": "x'--"}, {"cursor": "\0"}, {"limit": 0}, {"limit": "many"}):
        check_problem(gateway.client.get("/v1/scans", params=bad), 422)


def test_delete(gateway: Gateway) -> None:
    """A deleted scan takes its blob along; the same bytes can come again."""
    kept = gateway.kept()
    scan = gateway.scan(nifti_bytes(seed=31))
    gateway.age(gateway.kept()[0] - kept[0])
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    assert gateway.kept() == kept
    check_problem(gateway.client.get(f"/v1/scans/{scan}"), 404)
    check_problem(gateway.client.delete(f"/v1/scans/{scan}"), 404)
    again = gateway.upload(nifti_bytes(seed=31))
    assert again.status_code == 201
    assert again.json()["id"] != scan
    gateway.client.delete(f"/v1/scans/{again.json()['id']}")


def test_bytes_that_came_just_now_stay_for_a_while(start_gateway: Start) -> None:
    """Another gateway may be about to name them; then the sweeper deletes them."""
    first = start_gateway(blob_grace_s="8")
    second = start_gateway(first.data, blob_grace_s="8")
    scan = first.scan(nifti_bytes())
    kept = second.kept()[0]
    assert second.client.delete(f"/v1/scans/{scan}").status_code == 204
    assert second.kept() == (kept, 0)
    until(lambda: first.kept() == (set(), 0), 60)


def test_deletion_and_upload_of_the_same_bytes(gateway: Gateway) -> None:
    """Whatever their order, a scan that can be seen has its bytes."""
    content = nifti_bytes(seed=32)

    def delete(_: int) -> None:
        for scan in gateway.client.get("/v1/scans").json()["scans"]:
            if scan["shape"] == [1, 5, 6, 7]:
                answer = gateway.client.delete(f"/v1/scans/{scan['id']}")
                assert answer.status_code in (204, 404, 409)

    def upload(_: int) -> None:
        assert gateway.upload(content).status_code in (200, 201)

    with ThreadPoolExecutor(6) as pool:
        turns = [pool.submit(turn, n) for n in range(30) for turn in (upload, delete)]
        for turn in turns:
            turn.result()
    for scan in gateway.client.get("/v1/scans").json()["scans"]:
        if scan["shape"] == [1, 5, 6, 7]:
            assert gateway.client.get(f"/v1/scans/{scan['id']}/volume").status_code == 200


def test_a_form_of_very_many_parts(gateway: Gateway) -> None:
    """Refused in words, in bounded memory, and nothing of it is kept."""
    kept = gateway.kept()
    gateway.forget_peak()
    before = gateway.peak_bytes()
    one = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\na\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = gateway.client.post("/v1/scans", content=one * 100_001 + b"--x--\r\n", headers=headers)
    problem = check_problem(answer, 413)
    assert "more than 20,000 files" in str(problem["detail"])
    assert gateway.peak_bytes() - before < 100 << 20
    assert gateway.kept() == kept
