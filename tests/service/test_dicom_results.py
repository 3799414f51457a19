"""A DICOM scan's results as DICOM objects, through the gateway."""

from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import nrrd
import numpy as np
import pytest
from pydicom import dcmread

from imaging.formats.sniff import open_scan
from tests.support.answers import check_problem
from tests.support.cards import CARDS
from tests.support.dicom.headers import SHAPE, Acquired, blobs, files, picture, series
from tests.support.finished_jobs import measured, run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.waiting import until


@pytest.fixture
def done(gateway: Gateway) -> tuple[Acquired, str, np.ndarray]:
    """An oblique series, its finished job, and the mask (i, j, k) that was made."""
    acquired = series((0.6, 0.8, 0, 0, 0, -1), backwards=True)
    sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(acquired)[::-1])]
    answer = gateway.client.post("/v1/scans", files=sent)
    assert answer.status_code == 201, answer.text
    mask = (blobs() > 0).astype(np.uint8).transpose(2, 1, 0)
    job = str(gateway.job(scan=answer.json()["id"], model="solid", priority=9)["id"])
    run_job(gateway, job, grid_of(answer.json(), mask))
    return acquired, job, mask


def grid_of(scan: dict[str, Any], mask: np.ndarray) -> np.ndarray:
    """Slices are sorted along the normal, which is the other way than they were acquired."""
    assert tuple(scan["shape"]) == (1, *mask.shape)
    return mask[..., ::-1]


@pytest.mark.parametrize("form", ["dicom-seg", "dicom-labelmap"])
def test_the_segmentation_lies_on_the_images_that_were_sent(
    gateway: Gateway, done: tuple[Acquired, str, np.ndarray], form: str
) -> None:
    acquired, job, mask = done
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format={form}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom"
    ending = {"dicom-seg": "seg", "dicom-labelmap": "labelmap"}[form]
    assert f'mask-{job}.{ending}.dcm"' in answer.headers["content-disposition"]
    seg = hd.seg.segread(BytesIO(answer.content))
    found = seg.get_pixels_by_source_instance(
        [header.SOPInstanceUID for header in acquired.kept.headers],
        combine_segments=True, assert_missing_frames_are_empty=True,
    )  # fmt: skip
    assert np.array_equal(found, mask.transpose(2, 1, 0))
    again = gateway.client.get(f"/v1/jobs/{job}/mask?format={form}")
    assert again.content == answer.content
    known = {"If-None-Match": answer.headers["etag"]}
    assert (
        gateway.client.get(f"/v1/jobs/{job}/mask?format={form}", headers=known).status_code == 304
    )


def test_contours_and_report_speak_of_the_same_series(
    gateway: Gateway, done: tuple[Acquired, str, np.ndarray]
) -> None:
    acquired, job, _ = done
    header = acquired.kept.headers[0]
    made = {}
    for path in ("mask?format=dicom-rtstruct", "mask?format=dicom-seg", "report?format=dicom-sr"):
        answer = gateway.client.get(f"/v1/jobs/{job}/{path}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/dicom"
        made[path] = dcmread(BytesIO(answer.content))
        assert made[path].StudyInstanceUID == header.StudyInstanceUID
        assert str(made[path].PatientName) == "Müller^Jörg"
    contours, seg, report = made.values()
    assert contours.FrameOfReferenceUID == header.FrameOfReferenceUID
    (group,) = hd.sr.Comprehensive3DSR.from_dataset(  # type: ignore[attr-defined]
        report
    ).content.get_volumetric_roi_measurement_groups()
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    assert group.get_measurements()[0].value == 0.036, "the job's own figure"


def test_an_nrrd_lies_where_the_nifti_does(
    gateway: Gateway, done: tuple[Acquired, str, np.ndarray], tmp_path: Path
) -> None:
    _, job, mask = done
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format=nrrd")
    (tmp_path / "a.nrrd").write_bytes(answer.content)
    assert np.array_equal(nrrd.read(str(tmp_path / "a.nrrd"))[0], mask[..., ::-1])
    other = gateway.client.get(f"/v1/jobs/{job}/mask")
    (tmp_path / "a.nii.gz").write_bytes(other.content)
    found, expected = (open_scan(tmp_path / name).affine for name in ("a.nrrd", "a.nii.gz"))
    assert np.allclose(found, expected, atol=1e-5)
    scan = gateway.upload(answer.content)
    assert scan.json()["format"] == "nrrd"
    assert scan.json()["shape"] == [1, *SHAPE[::-1]]


def test_what_did_not_come_as_dicom_has_no_dicom_results(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes((5, 6, 7), seed=77))
    job = str(gateway.job(scan=scan, model="solid")["id"])
    run_job(gateway, job, np.zeros((5, 6, 7), np.uint8))
    for path in ("mask?format=dicom-seg", "mask?format=dicom-rtstruct", "report?format=dicom-sr"):
        problem = check_problem(gateway.client.get(f"/v1/jobs/{job}/{path}"), 422)
        assert "scan is not DICOM" in str(problem["detail"])


@pytest.mark.parametrize(
    ("image", "impossible"),
    [
        (series(shape=(1, 12, 10)), set()),
        (picture(), {"dicom-rtstruct"}),
    ],
    ids=["a slice", "an image without a position"],
)
def test_formats_that_the_scan_does_not_allow_are_not_offered(
    start_gateway: Start, tmp_path: Path, image: Acquired, impossible: set[str]
) -> None:
    routes = tmp_path / "routes.toml"
    routes.write_text('[[peer]]\nname = "away"\ndicomweb = "http://127.0.0.1:1"\n')
    client = (gateway := start_gateway(routing_table=str(routes))).client
    (sent,) = files(image)
    scan = client.post("/v1/scans", files=[("files", ("1.dcm", sent))]).json()
    model = next(card for card in CARDS if card.dimension == len(scan["shape"]) - 1)
    job = str(gateway.job(scan=scan["id"], model=model.name, priority=9)["id"])
    run_job(gateway, job, np.zeros(scan["shape"][1:], np.uint8))
    dicom = {"dicom-seg", "dicom-rtstruct", "dicom-labelmap", "dicom-sr"}
    listed = client.get(f"/v1/jobs/{job}/downloads").json()
    assert {one["format"] for one in listed} & dicom == dicom - impossible
    assert {one["format"] for one in listed if one["delivery"]} == dicom - impossible
    for one in listed:
        assert client.get(one["url"]).status_code == 200, one["format"]
    address = f"/v1/jobs/{job}/deliveries"
    for name in impossible:
        assert client.get(f"/v1/jobs/{job}/mask?format={name}").status_code == 422
        answer = client.post(address, json={"to": ["away"], "formats": ["dicom-seg", name]})
        problem = check_problem(answer, 422)
        assert name in str(problem["detail"])
        assert name not in str(problem["expected"])
    assert client.get(address).json() == []


def test_a_model_that_was_replaced_names_nothing(start_gateway: Start, tmp_path: Path) -> None:
    """Neither to whoever fetches the mask nor to an archive that it is sent to."""
    folder, routes = tmp_path / "models", tmp_path / "routes.toml"
    (folder / "solid").mkdir(parents=True)
    CARDS[1].save(folder / "solid" / "card.json")
    routes.write_text('[[peer]]\nname = "away"\ndicomweb = "http://127.0.0.1:1"\n')
    gateway = start_gateway(models=str(folder), routing_table=str(routes), sweep_interval_s="0.1")
    sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(series()))]
    scan = gateway.client.post("/v1/scans", files=sent).json()["id"]
    job = str(gateway.job(scan=scan, model="solid")["id"])
    run_job(gateway, job, np.ones(SHAPE[::-1], np.uint8))
    assert gateway.client.get(f"/v1/jobs/{job}/mask?format=dicom-seg").status_code == 200
    other = CARDS[1].model_copy(update={"sha256": "1" * 64})
    other.save(folder / "solid" / "card.json")
    problem = check_problem(gateway.client.get(f"/v1/jobs/{job}/mask?format=dicom-seg"), 409)
    assert "not the one" in str(problem["detail"])
    address = f"/v1/jobs/{job}/deliveries"
    gateway.client.post(address, json={"to": ["away"]})
    tried = until(lambda: [n for n in gateway.client.get(address).json() if n["error"]])
    assert [(n["state"], n["error"]["status"]) for n in tried] == [("failed", 409)]


def test_nothing_found_is_an_answer_in_every_format(gateway: Gateway) -> None:
    """An empty mask names the labels that were looked for; its report states volumes of 0 ml."""
    sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(series()))]
    answer = gateway.client.post("/v1/scans", files=sent)
    job = str(gateway.job(scan=answer.json()["id"], model="solid", priority=9)["id"])
    absent = dict.fromkeys(("bounding_box", "centroid_voxel", "centroid_mm"))
    nothing = measured(flat=False) | {"voxels": 0, "volume_ml": 0.0} | absent
    run_job(gateway, job, np.zeros(SHAPE[::-1], np.uint8), labels=[nothing])
    content = {}
    for one in gateway.client.get(f"/v1/jobs/{job}/downloads").json():
        answer = gateway.client.get(one["url"])
        assert answer.status_code == 200, f"{one['format']}: {answer.text}"
        content[one["format"]] = answer.content
    for name in ("dicom-seg", "dicom-labelmap"):
        segments = hd.seg.segread(BytesIO(content[name])).SegmentSequence
        assert [one.SegmentLabel for one in segments if one.SegmentNumber] == ["thing"]
    structures = dcmread(BytesIO(content["dicom-rtstruct"]))
    assert [one.ROIName for one in structures.StructureSetROISequence] == ["thing"]
    (group,) = hd.sr.Comprehensive3DSR.from_dataset(  # type: ignore[attr-defined]
        dcmread(BytesIO(content["dicom-sr"]))
    ).content.get_image_measurement_groups()
    assert group.get_measurements()[0].value == 0
