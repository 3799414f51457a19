"""Comparisons of masks, and the scans that a scan can be compared with, over HTTP."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imaging.metrics import dice
from tests.support.answers import check_problem
from tests.support.corrected import Corrected
from tests.support.dicom.files import classic
from tests.support.dicom.files import write as write_files
from tests.support.dicom.scans import voxels
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes, png_bytes

SHAPE = (9, 8, 7)
AFFINE = np.diag([0.5, 2, 3, 1])


def finished(gateway: Gateway, scan: str, mask: np.ndarray, **report: Any) -> str:
    model = "flat" if mask.ndim == 2 else "solid"
    job = str(gateway.job(scan=scan, model=model, priority=9)["id"])
    run_job(gateway, job, mask, **report)
    return job


def labels(*names: str) -> dict[str, Any]:
    return {"labels": [{"value": n, "name": name} for n, name in enumerate(names, 1)]}


def compared(gateway: Gateway, path: str, **query: str) -> dict[str, Any]:
    answer = gateway.client.get(f"/v1/jobs/{path}/comparison", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_two_jobs_of_one_scan(gateway: Gateway) -> None:
    chance = np.random.default_rng(11)
    first = chance.integers(0, 3, SHAPE).astype(np.uint8)
    second = np.where(chance.random(SHAPE) < 0.6, first, 2 - first).astype(np.uint8)
    scan = gateway.scan(nifti_bytes(SHAPE, 911, affine=AFFINE), "compared.nii")
    jobs = [finished(gateway, scan, mask, **labels("a", "b")) for mask in (first, second)]
    found = compared(gateway, jobs[0], with_job=jobs[1])
    for row in found["labels"]:
        assert row["dice"] == dice(first == row["value"], second == row["value"])
    assert [row["name"] for row in found["labels"]] == ["a", "b"]
    common = int(((first == second) & (first > 0)).sum())
    assert found["dice"] == 2 * common / int((first > 0).sum() + (second > 0).sum())
    assert found["agreement"] == common
    assert found["voxel_ml"] == pytest.approx(0.003)
    assert (found["voxel_mm2"], found["matched_by"]) == (None, "number")
    assert found["slices"][2] == (first != second).sum((0, 1)).tolist()
    listed = gateway.client.get("/v1/jobs", params={"scan": scan}).json()["jobs"]
    assert {one["id"] for one in listed} == set(jobs)


def test_a_correction_and_the_mask_before_it(gateway: Gateway) -> None:
    corrected = Corrected(gateway, change=3)
    before = gateway.client.get(f"/v1/jobs/{corrected.job}/report").json()
    assert before["measurements"]["labels"][0]["name"] == "thing"
    found = compared(gateway, corrected.job, with_review=corrected.review)
    made = corrected.mask.copy()
    made[:3, :2, 1] = 1 - made[:3, :2, 1]
    assert found["labels"][0]["dice"] == dice(made > 0, corrected.mask > 0) < 1
    assert found["only_first"] + found["only_second"] == int((made != corrected.mask).sum()) == 6
    assert found["second"] == {"job": corrected.job, "review": corrected.review}
    path = f"/v1/jobs/{corrected.job}/comparison"
    check_problem(gateway.client.get(path, params={"review": "missing"}), 404)


def test_volumes_of_one_grid_and_of_others(gateway: Gateway) -> None:
    mask = np.ones(SHAPE, np.uint8)
    shifted = AFFINE.copy()
    shifted[0, 3] = 3
    scans = [
        gateway.scan(nifti_bytes(SHAPE, seed, affine=affine))
        for seed, affine in ((912, AFFINE), (913, AFFINE), (914, shifted))
    ]
    contrast, model, moved = [finished(gateway, scan, mask) for scan in scans]
    assert compared(gateway, contrast, with_job=model)["dice"] == 1
    answer = gateway.client.get(f"/v1/jobs/{contrast}/comparison", params={"with_job": moved})
    assert "different grids" in str(check_problem(answer, 422)["detail"])


def test_images_of_one_size_are_not_one_place(gateway: Gateway) -> None:
    scans = [gateway.scan(png_bytes(seed=seed), "image.png") for seed in (915, 916)]
    mask = np.zeros((9, 11), np.uint8)
    mask[2:5, 3:7] = 1
    first, second, other = [finished(gateway, scan, mask) for scan in (*scans, scans[0])]
    assert compared(gateway, first, with_job=other)["agreement"] == 12
    answer = gateway.client.get(f"/v1/jobs/{first}/comparison", params={"with_job": second})
    check_problem(answer, 422)


def test_numbered_objects_are_compared_as_one_label(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(SHAPE, 917))
    mask = np.zeros(SHAPE, np.uint8)
    mask[2:4] = 3
    objects = finished(gateway, scan, mask, instances={"count": 1})
    organs = finished(gateway, scan, np.where(mask > 0, 1, 0).astype(np.uint8))
    found = compared(gateway, objects, with_job=organs)
    assert (found["objects"], found["dice"], len(found["labels"])) == (True, 1.0, 1)


def series(folder: Path, gateway: Gateway, **changes: str) -> str:
    """The id of a scan of a DICOM series with these attributes."""
    images = classic(voxels(), np.diag([-1.0, -1.0, 2.0, 1.0]))
    for image in images:
        for name, value in changes.items():
            setattr(image, name, value)
    paths = write_files(images, folder)
    sent = [("files", (path.name, path.read_bytes())) for path in paths]
    answer = gateway.client.post("/v1/scans", files=sent)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_scans_of_the_same_subject_come_first(gateway: Gateway, tmp_path: Path) -> None:
    patient, study, frame = "rel-1", "1.2.3.91", "1.2.3.92"
    wanted: Iterable[tuple[str, dict[str, str]]] = (
        ("none", {"PatientID": "rel-2", "StudyInstanceUID": "1.2.7", "FrameOfReferenceUID": "1.3"}),
        ("subject", {"StudyInstanceUID": "1.2.8", "FrameOfReferenceUID": "1.2.9"}),
        ("study", {"StudyInstanceUID": study, "FrameOfReferenceUID": "1.2.10"}),
        ("frame", {"StudyInstanceUID": study, "FrameOfReferenceUID": frame}),
        ("mine", {"StudyInstanceUID": study, "FrameOfReferenceUID": frame}),
    )
    ids = {
        name: series(tmp_path / name, gateway, **{"PatientID": patient, **changes})
        for name, changes in wanted
    }
    path = f"/v1/scans/{ids['mine']}/related"
    found = gateway.client.get(path).json()
    close = [(one["scan"]["id"], one["relation"]) for one in found["scans"][:3]]
    assert close == [(ids[name], name) for name in ("frame", "study", "subject")]
    rest = {one["scan"]["id"]: one["relation"] for one in found["scans"][3:]}
    assert rest[ids["none"]] == "none"
    assert found["scans"][0]["scan"]["frame_of_reference"] == frame
    assert gateway.client.get(path, params={"name": "no such name"}).json() == {
        "scans": [],
        "more": False,
    }
    few = gateway.client.get(path, params={"limit": 2}).json()
    assert (len(few["scans"]), few["more"]) == (2, True)
    check_problem(gateway.client.get("/v1/scans/missing/related"), 404)
