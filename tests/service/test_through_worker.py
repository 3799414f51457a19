"""What only a real worker can answer: odd voxels go through, a job without a network says why."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.support.dicom.mr_series import as_bytes, series
from tests.support.gateway import Gateway
from tests.support.processes import start_worker, stop

MODEL = "hippocampus-mri-3d"


@pytest.fixture(scope="module")
def served(gateway: Gateway) -> Iterator[Gateway]:
    """The gateway, with a worker of its own process."""
    log = gateway.log.with_suffix(".worker.log")
    worker = start_worker(gateway.data, log, models=str(gateway.settings.models))
    yield gateway
    stop(worker)


def _events(served: Gateway, job: str) -> list[dict[str, object]]:
    """All of a job's events, to its end."""
    with served.client.stream("GET", f"/v1/jobs/{job}/events", timeout=120) as answer:
        lines = [line.removeprefix("data: ") for line in answer.iter_lines()]
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_voxels_that_are_no_numbers(served: Gateway) -> None:
    """Given NaN and infinite voxels, the job ends with a mask on the scan's grid and a warning."""
    voxels = np.random.default_rng(9).normal(100, 30, (40, 42, 38)).astype(np.float32)
    voxels[3:9, 4, 5], voxels[20, 20, 20], voxels[21, 20, 20] = np.nan, np.inf, -np.inf
    affine = np.array([[0, -1.1, 0, 5], [0.9, 0, 0, 6], [0, 0, 1.3, 7], [0, 0, 0, 1.0]])
    scan = served.scan(gzip.compress(nibabel.Nifti1Image(voxels, affine).to_bytes()))
    job = str(served.job(scan=scan, model=MODEL, priority=9)["id"])
    events = _events(served, job)
    assert events[-1]["state"] == "succeeded", events[-1]
    mask = nibabel.Nifti1Image.from_bytes(
        gzip.decompress(served.client.get(f"/v1/jobs/{job}/mask").content)
    )
    assert mask.shape == voxels.shape
    np.testing.assert_allclose(mask.affine, affine, atol=1e-6)
    report = served.client.get(f"/v1/jobs/{job}/report").json()
    assert any("8 voxels" in warning for warning in report["warnings"]), report["warnings"]
    assert served.client.get(f"/v1/jobs/{job}/report?format=csv").text.count("hippocampus") == 2
    assert served.client.get(f"/v1/jobs/{job}/preview.png").content.startswith(b"\x89PNG")


def test_model_without_its_network(served: Gateway) -> None:
    """A job that can never succeed fails once, with a problem that tells what to do."""
    scan = served.scan(nibabel.Nifti1Image(np.ones((20, 20, 20), np.int16), np.eye(4)).to_bytes())
    job = str(served.job(scan=scan, model="solid", priority=9)["id"])
    last = _events(served, job)[-1]
    assert (last["state"], last["attempt"]) == ("failed", 1)
    error = last["error"]
    assert isinstance(error, dict)
    assert error["type"] == "urn:tessera:bad-model"
    assert error["hint"]
    assert str(served.data) not in json.dumps(error)


def test_a_mask_to_start_from(served: Gateway) -> None:
    """An uploaded label map is the mask of the job, which a reviewer can correct."""
    affine = np.diag([1.0, 1.5, 2.0, 1.0])
    voxels = np.random.default_rng(9).normal(100, 30, (20, 22, 18)).astype(np.float32)
    labels = np.zeros((20, 22, 18), np.uint8)
    labels[4:9, 5:7, 6:12] = 1
    scan, mask, other = (
        served.scan(gzip.compress(nibabel.Nifti1Image(values, affine).to_bytes()))
        for values in (voxels, labels, labels[1:])
    )
    request = {"model": MODEL, "priority": 9, "options": {"mask": "start"}}
    for scans, reason in (
        ({"t1": scan}, "no mask is given"),
        ({"t1": scan, "mask": other}, "(19, 22, 18)"),
    ):
        answer = served.client.post("/v1/jobs", json=request | {"scans": scans})
        assert answer.status_code == 422, answer.text
        assert reason in answer.json()["detail"]
    job = served.job(**request, scans={"t1": scan, "mask": mask})
    assert job["scans"] == {"t1": scan, "mask": mask}
    assert job["options"]["mask"] == "start"
    events = _events(served, str(job["id"]))
    assert events[-1]["state"] == "succeeded", events[-1]
    content = served.client.get(f"/v1/jobs/{job['id']}/mask").content
    made = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    np.testing.assert_array_equal(made.dataobj, labels)
    report = served.client.get(f"/v1/jobs/{job['id']}/report").json()
    assert report["measurements"]["labels"][0]["voxels"] == 60


def _stored(served: Gateway, sha256: str) -> Path:
    return served.data / "blobs" / sha256[:2] / sha256


def test_a_stored_scan_that_was_replaced(served: Gateway) -> None:
    """Given another scan in the place of the stored one, then the job fails; an upload heals it."""
    voxels = np.random.default_rng(3).integers(0, 200, (2, 40, 36, 34), np.int16)
    wanted, other = (nibabel.Nifti1Image(part, np.eye(4)).to_bytes() for part in voxels)
    scan = served.scan(wanted)
    stored = _stored(served, served.client.get(f"/v1/scans/{scan}").json()["sha256"])
    stored.write_bytes(other)
    job = str(served.job(scan=scan, model=MODEL, priority=9)["id"])
    last = _events(served, job)[-1]
    assert (last["state"], last["attempt"]) == ("failed", 1)
    assert last["error"]["type"] == "urn:tessera:damaged-file"  # type: ignore[index]
    answer = served.client.get(f"/v1/scans/{scan}/volume")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:tessera:damaged-file")

    assert served.scan(wanted) == scan
    assert stored.read_bytes() == wanted
    served.client.post(f"/v1/jobs/{job}/retry").raise_for_status()
    assert _events(served, job)[-1]["state"] == "succeeded"
    report = served.client.get(f"/v1/jobs/{job}/report").json()
    assert report["scans_verified"] == {"t1": "read in full"}


def test_a_stored_dicom_scan_that_was_replaced(served: Gateway) -> None:
    """DICOM that is known is not stored again, unless its stored file is damaged."""
    files = [("files", (f"{n}.dcm", as_bytes(image))) for n, image in enumerate(series())]

    def upload() -> dict[str, str]:
        answer = served.client.post("/v1/scans", files=files).raise_for_status()
        return dict(answer.json())

    scan = upload()["id"]
    stored = _stored(served, served.client.get(f"/v1/scans/{scan}").json()["sha256"])
    whole = stored.read_bytes()
    stored.write_bytes(whole[:-1])
    assert upload()["id"] == scan
    assert stored.read_bytes() == whole


@pytest.mark.parametrize("path", ["mask", "preview.png"])
def test_a_damaged_result_is_not_delivered(served: Gateway, path: str) -> None:
    voxels = np.random.default_rng(4).integers(0, 200, (40, 36, 34), np.int16)
    scan = served.scan(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())
    job = str(served.job(scan=scan, model=MODEL, priority=9)["id"])
    assert _events(served, job)[-1]["state"] == "succeeded"
    whole = served.client.get(f"/v1/jobs/{job}/{path}").raise_for_status().content
    stored = _stored(served, hashlib.sha256(whole).hexdigest())
    stored.write_bytes(whole[:-1])
    answer = served.client.get(f"/v1/jobs/{job}/{path}")
    assert (answer.status_code, answer.json()["type"]) == (500, "urn:tessera:damaged-file")
