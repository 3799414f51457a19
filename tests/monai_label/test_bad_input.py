"""What clients get wrong is told with figures, and nothing of it is kept or logged."""

import io
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import httpx
import nibabel
import numpy as np
import pytest

from tests.support.answers import check_problem
from tests.support.monai_label import AFFINE, SMALL, Served

MARK = "xxxx"


def _post(served: Served, address: str, body: bytes, mark: str = MARK) -> httpx.Response:
    headers = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    return served.http.post(address, content=body, headers=headers)


def _label(served: Served, image: str, label: Path, **params: Any) -> httpx.Response:
    return served.http.put(
        "/datastore/label",
        params={"image": image},
        data={"params": json.dumps(params)},
        files={"label": ("label.nii.gz", label.read_bytes())},
    )


def _drawn(
    served: Served, voxels: np.ndarray, affine: np.ndarray = AFFINE, name: str = "bad"
) -> Path:
    path = served.folder / f"{name}.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/datastore/image?image=nobody", 404),
        ("HEAD", "/datastore/image?image=nobody", 404),
        ("GET", "/datastore/image", 422),
        ("GET", "/datastore/image/info?image=nobody", 404),
        ("GET", "/datastore/label?label=nobody&tag=final", 404),
        ("GET", "/datastore/label/info?label=nobody&tag=final", 404),
        ("GET", "/datastore/?output=else", 422),
        ("DELETE", "/datastore/image?id=nobody", 404),
        ("DELETE", "/datastore/label?id=nobody&tag=final", 404),
        ("POST", f"/infer/{SMALL}?image=nobody", 404),
        ("POST", f"/infer/{SMALL}", 422),
        ("POST", f"/infer/{SMALL}?image=nobody&output=else", 422),
        ("POST", f"/infer/{SMALL}?session_id=nobody", 404),
        ("POST", "/infer/nothing?image=nobody", 404),
        ("POST", "/infer/..%2f..%2fetc?image=nobody", 404),
        ("POST", "/activelearning/clever", 404),
        ("GET", "/session/nobody", 404),
        ("DELETE", "/session/nobody", 404),
        ("PUT", "/session/?expiry=-1", 422),
        ("POST", "/train/", 422),
        ("POST", f"/train/{SMALL}", 422),
        ("GET", "/train/", 404),
        ("DELETE", "/train/", 404),
        ("POST", "/batch/infer/nothing", 404),
        ("POST", "/auth/token", 404),
        ("GET", "/nothing/", 404),
        ("PATCH", "/info/", 405),
    ],
)
def test_each_has_its_problem(served: Served, method: str, address: str, status: int) -> None:
    answer = served.http.request(method, address)
    if method == "HEAD":
        assert answer.status_code == status
    else:
        check_problem(answer, status, "nobody", "etc")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no form at all",
        b"--xxxx\r\n",
        b'--xxxx\r\nContent-Disposition: form-data; name="params"\r\n\r\n{}',
        b"--xxxx\r\nContent-Disposition: form-data\r\n\r\n{}\r\n--xxxx--\r\n",
        b"--xxxx\r\nContent-Disposition: " + b"x" * 20_000 + b"\r\n\r\n{}\r\n--xxxx--\r\n",
        b'--xxxx\r\nContent-Disposition: form-data; name="params"\r\n\r\n\xff\r\n--xxxx--\r\n',
    ],
)
def test_broken_forms(served: Served, body: bytes) -> None:
    check_problem(_post(served, f"/infer/{SMALL}?image=nobody", body), 422, "nobody")


@pytest.mark.parametrize("info", ['{"a": NaN}', '{"a": 1e999}', r'{"a": "\ud800"}'])
def test_what_cannot_be_told_again_is_not_kept(served: Served, info: str) -> None:
    """Given numbers and characters that no JSON can bear, the datastore's list stays whole."""
    image = served.put(61)
    where = {"image": image}
    check_problem(served.http.put("/datastore/image/info", params=where, data={"info": info}), 422)
    assert served.http.get("/datastore/image/info", params=where).status_code == 200
    told = {"client_id": "ada", "more": info}
    drawn = _drawn(served, np.zeros((14, 16, 18), np.uint8))
    answer = served.http.put(
        "/datastore/label",
        params=where,
        data={"params": json.dumps(told).replace(json.dumps(info), info)},
        files={"label": ("label.nii.gz", drawn.read_bytes())},
    )
    check_problem(answer, 422)
    assert served.http.get("/datastore/?output=all").status_code == 200


@pytest.mark.parametrize("method", [ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED])
def test_a_damaged_zip(served: Served, method: int) -> None:
    """Each method of compression has its own errors."""
    out = io.BytesIO()
    with ZipFile(out, "w", method) as archive:
        archive.writestr("v.nii", np.random.default_rng(1).bytes(2000))
    content = bytearray(out.getvalue())
    content[100:140] = b"\xff" * 40
    files = {"files": ("v.zip", bytes(content))}
    answer = served.http.put("/session/?uncompress=true", files=files)
    assert "cannot be unpacked" in str(check_problem(answer, 422)["detail"])


def test_very_many_empty_fields(served: Served) -> None:
    """Each takes memory, though nothing is in it."""
    body = b"".join(
        b'--xxxx\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % n for n in range(6000)
    )
    check_problem(_post(served, f"/infer/{SMALL}?image=x", body + b"--xxxx--\r\n"), 422)


@pytest.mark.parametrize("params", ["[]", "{", "[" * 100_000, '{"result_dtype": "float64"}'])
def test_broken_params(served: Served, params: str) -> None:
    answer = served.http.post(f"/infer/{SMALL}?image=x", data={"params": params})
    check_problem(answer, 422)


def test_huge_params(served: Served) -> None:
    huge = json.dumps({"label_info": "x" * (2 << 20)}).encode()
    body = b'--xxxx\r\nContent-Disposition: form-data; name="params"\r\n\r\n' + huge
    check_problem(_post(served, f"/infer/{SMALL}?image=x", body + b"\r\n--xxxx--\r\n"), 422)
    check_problem(served.http.post(f"/infer/{SMALL}?image=x", data={"params": huge.decode()}), 422)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\secret", "/home/ada/Doe^Jane.nii.gz", "a\0b\n.nii"]
)
def test_tricks_in_names(served: Served, name: str) -> None:
    """A path is its last part, in the query and in the form; nothing is written anywhere else."""
    seed = 1000 + sum(name.encode())
    voxels = served.volume(seed).read_bytes()
    answer = served.http.put("/datastore/", params={"image": name}, files={"file": (name, voxels)})
    assert answer.status_code == 200
    image = answer.json()["image"]
    assert not set("/\\\0\n") & set(image)
    assert not set("/\\\0\n") & set(served.scan(image)["name"])
    assert served.http.head("/datastore/image", params={"image": name}).status_code == 200
    assert "Jane" not in served.gateway.log.read_text()
    assert "passwd" not in served.gateway.log.read_text()
    assert "Jane" not in served.http.get("/logs/?lines=1000").text


def test_dots_alone_are_no_name(served: Served) -> None:
    check_problem(served.http.get("/datastore/image?image=.."), 422)
    voxels = served.volume(60).read_bytes()
    answer = served.http.put("/datastore/?image=..", files={"file": ("..", voxels)})
    assert answer.json()["image"] == served.scan(answer.json()["image"])["id"]


def test_a_name_means_one_image_for_ever(served: Served) -> None:
    """The second image of a name is refused: Slicer would go on with the first one's mask."""
    served.put(61, "Volume")
    assert served.put(61, "Volume") == "Volume"
    before = served.gateway.kept()[1]
    with served.volume(62).open("rb") as file:
        answer = served.http.put("/datastore/?image=Volume", files={"file": ("v.nii.gz", file)})
    problem = check_problem(answer, 409)
    assert "Rename" in str(problem["hint"])
    assert served.gateway.kept()[1] == before
    assert served.put(61, "another name of it") == "another name of it"
    assert served.scan("another name of it") == served.scan("Volume")
    assert served.http.delete("/datastore/image?id=Volume").json() == {}
    assert served.put(62, "Volume") == "Volume"


def test_what_is_no_scan_is_not_kept(served: Served) -> None:
    before = served.gateway.kept()
    for content, status in ((b"", 422), (b"%PDF", 415), (b"\x1f\x8b" + bytes(99), 422)):
        answer = served.http.put("/datastore/?image=n", files={"file": ("n", content)})
        check_problem(answer, status)
    check_problem(served.http.put("/datastore/?image=n", data={"params": "{}"}), 422)
    check_problem(served.http.put("/session/"), 422)
    assert served.gateway.kept() == before


def test_labels_that_lie_elsewhere(served: Served) -> None:
    image = served.put(63, "graded")
    good = np.zeros((14, 16, 18), np.uint8)
    problem = check_problem(_label(served, image, _drawn(served, good[:-1])), 422)
    assert "(13, 16, 18)" in str(problem["detail"])
    assert "(14, 16, 18)" in str(problem["expected"])
    moved = AFFINE.copy()
    moved[0, 3] += 2.2
    problem = check_problem(_label(served, image, _drawn(served, good, moved)), 422)
    assert "2.00 voxels" in str(problem["detail"])
    turned = AFFINE @ np.array([[1, 0.1, 0, 0], [-0.1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    check_problem(_label(served, image, _drawn(served, good, turned)), 422)
    four = _drawn(served, np.zeros((14, 16, 18, 2), np.uint8))
    assert _label(served, image, four).status_code in (415, 422)
    assert served.http.get(f"/datastore/label?label={image}").status_code == 404


def test_numbers_without_a_meaning(served: Served) -> None:
    image = served.put(64, "valued")
    voxels = np.zeros((14, 16, 18), np.int16)
    voxels[3, 4, 5], voxels[4, 4, 5] = 1, 77
    named = [{"name": "a", "idx": 1}]
    problem = check_problem(_label(served, image, _drawn(served, voxels), label_info=named), 422)
    assert "77" in str(problem["detail"])
    served.http.post(f"/infer/{SMALL}?image={image}")
    problem = check_problem(_label(served, image, _drawn(served, voxels)), 422)
    assert "77" in str(problem["detail"])
    for wrong in ([{"name": "a"}], [{"name": "a", "idx": 0}], {"a": 1}, "a"):
        answer = _label(served, image, _drawn(served, voxels), label_info=wrong)
        check_problem(answer, 422)
    half = voxels.astype(np.float32) / 2
    check_problem(_label(served, image, _drawn(served, half)), 422)
    check_problem(_label(served, image, _drawn(served, -voxels)), 422)
    for tag in ("original", "../x", "x" * 65):
        answer = served.http.put(
            "/datastore/label",
            params={"image": image, "tag": tag},
            files={"label": ("l.nii.gz", _drawn(served, voxels).read_bytes())},
        )
        check_problem(answer, 422)


def test_a_label_stored_along_other_axes(served: Served) -> None:
    """The same grid in another order of axes is the same label."""
    image = served.put(65, "reordered")
    voxels = np.random.default_rng(1).integers(0, 3, (14, 16, 18), np.uint8)
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(voxels, AFFINE))
    assert turned.shape != voxels.shape
    path = _drawn(served, np.asarray(turned.dataobj), turned.affine)
    assert _label(served, image, path).status_code == 200
    path.write_bytes(served.http.get(f"/datastore/label?label={image}").content)
    kept = nibabel.load(path)
    np.testing.assert_array_equal(np.asarray(kept.dataobj), voxels)
    np.testing.assert_allclose(kept.affine, AFFINE, atol=1e-6)


def test_a_model_without_its_network(served: Served) -> None:
    """The job's own problem comes back, and each time that it is asked for."""
    image = served.put(66, "for the broken")
    for _ in range(2):
        problem = check_problem(served.http.post(f"/infer/broken?image={image}"), 500)
        assert problem["type"] == "urn:tessera:bad-model"
    assert len(served.jobs(image)) == 1


def test_a_model_of_two_contrasts(served: Served) -> None:
    image = served.put(67, "one of two")
    check_problem(served.http.post(f"/infer/contrasts?image={image}"), 422)


def test_many_clients_at_once(served: Served) -> None:
    """Asking for one image together they share one job; each gets the same whole answer."""
    shared = served.put(68, "shared")
    own = [served.put(70 + n, f"own {n}") for n in range(3)]
    with ThreadPoolExecutor(9) as pool:
        asked = [
            pool.submit(httpx.post, f"{served.address}/infer/{SMALL}?image={n}", timeout=120)
            for n in [shared] * 6 + own
        ]
        answers = [one.result() for one in asked]
    assert {answer.status_code for answer in answers} == {200}
    masks = [answer.content.split(b"\r\n\r\n", 2)[2].rpartition(b"\r\n--")[0] for answer in answers]
    assert len(set(masks[:6])) == 1
    assert len(set(masks)) == 4
    assert len(served.jobs(shared)) == 1


def test_the_same_name_from_two_clients_at_once(served: Served) -> None:
    """Exactly one of two images gets the name."""

    def put(seed: int) -> int:
        files = {"file": ("v.nii.gz", served.volume(seed).read_bytes())}
        return httpx.put(f"{served.address}/datastore/?image=raced", files=files).status_code

    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(put, [80, 81, 82, 83]))
    assert found == [200, 409, 409, 409]


def test_a_client_that_goes_away(served: Served) -> None:
    """The job goes on without it."""
    image = served.put(84, "left alone")
    with socket.create_connection(("127.0.0.1", served.port)) as link:
        head = f"POST /infer/{SMALL}?image=left%20alone HTTP/1.1\r\nHost: localhost\r\n"
        link.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        until_there = served.jobs
        while not until_there(image):
            pass
    assert served.http.post(f"/infer/{SMALL}?image={image}").status_code == 200
    assert len(served.jobs(image)) == 1
