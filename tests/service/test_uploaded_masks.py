"""Masks that come with their scans: DICOM Segmentations, and label maps that are named as such."""

import gzip
import io
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from imaging.formats.sniff import open_scan
from tests.support.corrections import Corrector, answered, voxel_runs
from tests.support.dicom.files import DESCRIPTION, NUMBER, PATIENT, classic
from tests.support.dicom.given_masks import write_with_seg
from tests.support.dicom.scans import SHAPE, turned, voxels
from tests.support.gateway import Gateway


class Study:
    """A series with a mask of it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.images = classic(voxels(seed=seed), turned(), modality="CT", WindowCenter=40,
                              WindowWidth=400)  # fmt: skip
        self.mask: NDArray[np.uint8] = np.zeros(SHAPE, np.uint8)
        self.mask[2:5, 1:6, 2:4] = 1
        self.mask[6:9, 3:7, 1:6] = 2
        *self.paths, self.seg = write_with_seg(self.images, folder, self.mask)

    def edited(self, name: str, **changes: Any) -> Path:
        dataset = dcmread(self.seg)
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        path = self.folder / name
        dataset.save_as(path, enforce_file_format=True)
        return path


@pytest.fixture
def study(tmp_path: Path, request: pytest.FixtureRequest) -> Study:
    return Study(tmp_path, seed=crc32(request.node.name.encode()))


def sent(gateway: Gateway, *paths: Path, **query: Any) -> httpx.Response:
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    return gateway.client.post("/v1/scans", files=files, params=query)


def get(gateway: Gateway, path: str) -> Any:
    return gateway.client.get(f"/v1/{path}").raise_for_status().json()


def volume(gateway: Gateway, job: str) -> NDArray[Any]:
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format=nifti").raise_for_status()
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    return np.asarray(image.dataobj)


def test_a_segmentation_beside_its_series_becomes_a_mask_to_review(
    gateway: Gateway, study: Study
) -> None:
    answer = sent(gateway, *study.paths, study.seg)
    assert answer.status_code == 201, answer.text
    scan = answer.json()
    (mask,) = scan["masks"]
    assert (mask["labels"], mask["scan"], mask["problem"]) == (
        ["Tumour", "Vessel"], scan["id"], None,
    )  # fmt: skip
    job = get(gateway, f"jobs/{mask['job']}")
    assert (job["state"], job["uploaded"], job["warnings"]) == ("succeeded", True, 1)
    assert (job["scan_name"], job["modality"], job["verdict"]) == (scan["name"], "CT", None)
    assert (job["uploaded_name"], job["uploaded_by"]) == (study.seg.name, None)
    assert np.array_equal(volume(gateway, job["id"]), study.mask)
    report = get(gateway, f"jobs/{job['id']}/report")
    labels = report["uploaded"]["labels"]
    assert [(one["number"], one["name"], one["color"]) for one in labels] == [
        (1, "Tumour", "#c81e5a"), (2, "Vessel", "#2060f0"),
    ]  # fmt: skip
    assert report["uploaded"]["algorithms"] == ["AUTOMATIC"]
    assert [row["voxels"] for row in report["measurements"]["labels"]] == [30, 60]
    # it is judged as any other mask
    listed = get(gateway, "jobs?verdict=to_review&limit=200")["jobs"]
    assert job["id"] in [one["id"] for one in listed]
    verdict = {"verdict": "accepted", "comment": "", "reviewer": "R1"}
    gateway.client.post(f"/v1/jobs/{job['id']}/reviews", json=verdict).raise_for_status()
    assert get(gateway, f"jobs/{job['id']}")["verdict"] == "accepted"
    # the same files again are the same mask
    again = sent(gateway, study.seg, *study.paths)
    assert (again.status_code, again.json()["masks"][0]["job"]) == (200, job["id"])
    log = gateway.log.read_text()
    for secret in (PATIENT, NUMBER, DESCRIPTION, str(study.images[0].SeriesInstanceUID)):
        assert secret not in log


def test_an_uploaded_mask_is_the_start_of_a_correction(gateway: Gateway, study: Study) -> None:
    """A draft begins with its voxels and labels, and the uploaded mask stays as it was."""
    (mask,) = sent(gateway, *study.paths, study.seg).json()["masks"]
    corrector = Corrector(gateway, mask["job"])
    draft = corrector.begin()["id"]
    wanted = study.mask.copy()
    wanted[2:5, 1:6, 2:4] = 2
    wanted[0, 0, :3] = 1
    runs = [
        run
        for value in (0, 1, 2)
        for run in voxel_runs(wanted, (wanted != study.mask) & (wanted == value), value)
    ]
    assert corrector.append(draft, 1, [[0, 1, 3]]).status_code == 422, "it has no such label"
    assert corrector.append(draft, 1, runs).status_code == 200
    review = answered(corrector.save(draft, 1), 201)
    changed = {one["label"]: (one["added"], one["removed"]) for one in review["changes"]}
    assert changed == {1: (3, 30), 2: (30, 0)}
    path = f"/v1/jobs/{mask['job']}"
    stored = gateway.client.get(f"{path}/reviews/{review['id']}/mask?format=nifti").content
    corrected = nibabel.Nifti1Image.from_bytes(gzip.decompress(stored))
    assert np.array_equal(np.asarray(corrected.dataobj), wanted)
    assert np.array_equal(volume(gateway, mask["job"]), study.mask)
    assert get(gateway, f"jobs/{mask['job']}")["verdict"] == "corrected"
    seg = gateway.client.get(f"{path}/reviews/{review['id']}/mask?format=dicom-seg")
    names = [one.SegmentLabel for one in dcmread(io.BytesIO(seg.content)).SegmentSequence]
    assert names == ["Tumour", "Vessel"]


def test_the_window_series_and_subject_of_a_scan(gateway: Gateway, study: Study) -> None:
    scan = sent(gateway, *study.paths).json()
    stored = get(gateway, f"scans/{scan['id']}")
    assert stored["window"] == {
        "centre": 40, "width": 400, "function": "LINEAR", "explanation": "", "slices": "all",
    }  # fmt: skip
    assert stored["windows"] == [stored["window"]]
    assert (stored["series_number"], stored["study_date"]) == (3, "2020-01-02")
    assert len(stored["subject"]) == 16
    removed = sent(gateway, *study.paths, deidentify=True).json()
    assert (removed["subject"], removed["study_date"]) == (stored["subject"], None)
    assert removed["window"] == stored["window"]


def test_a_downloaded_mask_keeps_its_labels(gateway: Gateway, study: Study, tmp_path: Path) -> None:
    """Also through DICOM: what comes back is read as what was sent."""
    (mask,) = sent(gateway, *study.paths, study.seg).json()["masks"]
    for form in ("dicom-seg", "dicom-labelmap", "nrrd"):
        answer = gateway.client.get(f"/v1/jobs/{mask['job']}/mask?format={form}")
        assert answer.status_code == 200, answer.text
        if form == "nrrd":
            (tmp_path / "mask.nrrd").write_bytes(answer.content)
            assert open_scan(tmp_path / "mask.nrrd").grid == study.mask.shape
            continue
        dataset = dcmread(io.BytesIO(answer.content))
        names = [str(one.SegmentLabel) for one in dataset.SegmentSequence][-2:]
        assert names == ["Tumour", "Vessel"]
        assert str(dataset.SeriesDescription) == "Supplied mask"
    csv = gateway.client.get(f"/v1/jobs/{mask['job']}/report?format=csv")
    assert "Tumour" in csv.raise_for_status().text


def test_a_segmentation_alone_belongs_to_the_series_that_was_sent_before(
    gateway: Gateway, study: Study
) -> None:
    early = sent(gateway, study.seg)
    assert early.status_code == 422
    assert "Upload the Segmentation together with its series" in early.json()["hint"]
    scan = sent(gateway, *study.paths).json()
    assert scan["masks"] == []
    late = sent(gateway, study.seg)
    assert (late.status_code, late.json()["id"]) == (201, scan["id"])
    assert late.json()["masks"][0]["scan"] == scan["id"]
    assert sent(gateway, study.seg).status_code == 200


def test_a_deidentified_segmentation_finds_its_deidentified_series(
    gateway: Gateway, study: Study
) -> None:
    scan = sent(gateway, *study.paths, study.seg, deidentify=True).json()
    (mask,) = scan["masks"]
    assert mask["problem"] is None
    assert np.array_equal(volume(gateway, mask["job"]), study.mask)
    assert mask["labels"] == ["Neoplasm", "Blood vessel"]  # labels are free text, codes are not


def test_several_series_with_a_mask_each(gateway: Gateway, study: Study, tmp_path: Path) -> None:
    other = Study(tmp_path / "other", seed=77)
    files = (*study.paths, study.seg, *other.paths, other.seg)
    answer = sent(gateway, *files, each=True)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    scans = {scan["series"]: scan["id"] for scan in body["scans"]}
    assert {mask["scan"] for mask in body["masks"]} == set(scans.values())
    for mask in body["masks"]:
        assert np.array_equal(volume(gateway, mask["job"]), study.mask)


def test_a_mask_that_does_not_fit_is_refused_and_its_scan_stored(
    gateway: Gateway, study: Study, tmp_path: Path
) -> None:
    stranger = Study(tmp_path / "other", seed=78)
    overlapping = study.edited("overlap", PixelData=b"\xff" * len(dcmread(study.seg).PixelData))
    cut = study.edited("cut", PixelData=b"\0" * 8)
    moved = dcmread(study.seg)
    for group in moved.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        place.ImagePositionPatient = [n + 0.3 for n in place.ImagePositionPatient]
    moved.save_as(tmp_path / "moved", enforce_file_format=True)
    files = (stranger.seg, overlapping, cut, tmp_path / "moved")
    answer = sent(gateway, *study.paths, *files)
    assert answer.status_code == 201, answer.text
    problems = " ".join(mask["problem"]["detail"] for mask in answer.json()["masks"])
    for part in ("does not belong", "overlap", "damaged", "not voxels"):
        assert part in problems
    assert {mask["job"] for mask in answer.json()["masks"]} == {None}
    assert not any(str(one.SOPInstanceUID) in answer.text for one in study.images)


# label maps


def nifti(values: NDArray[Any], affine: NDArray[np.float64]) -> bytes:
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    return bytes(image.to_bytes())


def named(gateway: Gateway, scan: str, mask: str) -> httpx.Response:
    return gateway.client.post(f"/v1/scans/{scan}/masks", json={"mask": mask})


def test_a_label_map_becomes_a_mask_of_its_scan(gateway: Gateway) -> None:
    random = np.random.default_rng(5)
    affine = np.diag([1.0, 1.5, 2, 1])
    labels = np.zeros((8, 9, 10), np.uint8)
    labels[2:4, 3:5, 4:7], labels[5:7, 5:7, 5:7] = 3, 12
    flipped = affine.copy()
    flipped[0, 0], flipped[0, 3] = -1, 7
    scan = gateway.scan(nifti(random.normal(size=(8, 9, 10)).astype("f4"), affine), "t1.nii")
    mask = gateway.scan(nifti(labels[::-1], flipped), "t1_seg.nii")
    answer = named(gateway, scan, mask)
    assert answer.status_code == 201, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["uploaded"]) == ("succeeded", True)
    assert job["scans"] == {"scan": scan, "mask": mask}
    assert job["uploaded_name"] == "t1_seg.nii"
    assert np.array_equal(volume(gateway, job["id"]), labels)
    report = get(gateway, f"jobs/{job['id']}/report")
    assert [one["name"] for one in report["uploaded"]["labels"]] == ["Label 3", "Label 12"]
    assert report["uploaded"]["algorithms"] == []
    again = named(gateway, scan, mask)
    assert (again.status_code, again.json()["id"]) == (200, job["id"])
    preview = gateway.client.get(f"/v1/jobs/{job['id']}/preview.png").raise_for_status()
    assert preview.headers["content-type"] == "image/png"
    uses = get(gateway, f"scans/{scan}/uses")
    assert (uses["jobs"], uses["unfinished"], job["doubts"]) == (1, 0, 0)
    empty = named(gateway, scan, gateway.scan(nifti(0 * labels, affine), "t1_none.nii")).json()
    assert empty["doubts"] == 1
    doubts = get(gateway, f"jobs/{empty['id']}/report")["doubts"]
    assert doubts == [{"kind": "empty", "text": "The mask is empty."}]
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    assert gateway.client.get(f"/v1/jobs/{job['id']}").status_code == 404


@pytest.mark.parametrize(
    ("values", "status", "reason"),
    [
        (np.ones((8, 9, 9), np.uint8), 422, "shape"),
        (np.full((8, 9, 10), 0.5, np.float32), 422, "not label numbers"),
        (np.full((8, 9, 10), -1, np.int16), 422, "not label numbers"),
    ],
)
def test_what_is_no_label_map_of_the_scan_is_refused(
    gateway: Gateway, values: NDArray[Any], status: int, reason: str
) -> None:
    image = np.random.default_rng(6).normal(size=(8, 9, 10)).astype("f4")
    scan = gateway.scan(nifti(image, np.eye(4)), "scan.nii")
    answer = named(gateway, scan, gateway.scan(nifti(values, np.eye(4)), "mask.nii"))
    assert answer.status_code == status, answer.text
    assert reason in answer.json()["detail"]
    assert named(gateway, scan, scan).status_code == 422
    assert named(gateway, scan, "unknown").status_code == 404


def test_a_png_label_image_of_an_image(gateway: Gateway) -> None:
    from PIL import Image

    def png(values: NDArray[np.uint8]) -> bytes:
        file = io.BytesIO()
        Image.fromarray(values).save(file, "PNG")
        return file.getvalue()

    labels = np.zeros((20, 30), np.uint8)
    labels[3:9, 4:20] = 7
    pixels = np.random.default_rng(7).integers(0, 255, (20, 30)).astype(np.uint8)
    scan, mask = gateway.scan(png(pixels), "image.png"), gateway.scan(png(labels), "label.png")
    job = named(gateway, scan, mask).raise_for_status().json()
    (row,) = get(gateway, f"jobs/{job['id']}/report")["measurements"]["labels"]
    assert (row["value"], row["voxels"]) == (7, int((labels > 0).sum()))
