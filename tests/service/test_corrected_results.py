"""A mask that a reader corrected, or that a user supplied, as DICOM objects and on its way to an
archive."""

from io import BytesIO
from pathlib import Path

import highdicom as hd
import nibabel
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from imaging.formats.sniff import open_scan
from jobs.review import Review
from tests.support.answers import check_problem
from tests.support.corrected import Corrected
from tests.support.corrections import Corrector
from tests.support.dicom.archive import SEG, SR, archive
from tests.support.dicom.headers import Acquired, blobs, files, series
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway, Start
from tests.support.images import nifti_bytes
from tests.support.waiting import until


@pytest.fixture
def corrected(gateway: Gateway) -> Corrected:
    return Corrected(gateway)


def pixels(seg: Dataset, acquired: Acquired) -> np.ndarray:
    """The label numbers on the images, by highdicom."""
    return hd.seg.Segmentation.from_dataset(seg).get_pixels_by_source_instance(
        [header.SOPInstanceUID for header in acquired.kept.headers],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )


@pytest.mark.parametrize("form", ["dicom-seg", "dicom-labelmap"])
def test_segmentations_of_a_corrected_mask(corrected: Corrected, form: str) -> None:
    """The voxels are the reader's; the object is another one than that of the model's mask."""
    seg = corrected.object(f"mask?format={form}")
    assert np.array_equal(pixels(seg, corrected.acquired), corrected.mask.transpose(2, 1, 0))
    kinds = [item.SegmentAlgorithmType for item in seg.SegmentSequence]
    assert kinds[-1] == "SEMIAUTOMATIC"
    assert seg.SeriesDescription.endswith(", corrected")
    answer = corrected.gateway.client.get(f"/v1/jobs/{corrected.job}/mask?format={form}")
    made = dcmread(BytesIO(answer.content))
    assert made.SegmentSequence[-1].SegmentAlgorithmType == "AUTOMATIC"
    assert seg.SOPInstanceUID != made.SOPInstanceUID
    assert seg.SeriesInstanceUID != made.SeriesInstanceUID


def test_a_corrected_mask_is_accepted(corrected: Corrected) -> None:
    """Another reader accepts it, and takes that back; the mask is kept."""
    client, reviews = corrected.gateway.client, f"/v1/jobs/{corrected.job}/reviews"
    accepted = {"verdict": "corrected", "mask_of": corrected.review, "reviewer": "Bob"}
    answer = client.post(reviews, json=accepted)
    assert answer.status_code == 201, answer.text
    mine = f"{reviews}/{answer.json()['id']}"
    masks = [client.get(f"{one}/mask?format=nifti") for one in (corrected.path, mine)]
    assert masks[0].content == masks[1].content
    assert client.get(f"/v1/jobs/{corrected.job}").json()["reviewer"] == "Bob"
    check_problem(client.post(reviews, json={**accepted, "mask_of": "other"}), 404)
    assert client.post(f"{mine}/withdraw?reader=Bob").status_code == 200
    assert client.get(f"/v1/jobs/{corrected.job}").json()["reviewer"] == "reader"
    check_problem(client.post(f"{corrected.path}/withdraw?reader=reader"), 409)
    assert client.get(f"{corrected.path}/mask?format=nifti").content == masks[0].content


def test_an_unchanged_mask_of_a_reader_is_an_object_of_its_own(gateway: Gateway) -> None:
    """Its voxels are those of the model, its algorithm type is not."""
    unchanged = Corrected(gateway, change=0)
    seg = unchanged.object("mask?format=dicom-seg")
    answer = gateway.client.get(f"/v1/jobs/{unchanged.job}/mask?format=dicom-seg")
    assert seg.SOPInstanceUID != dcmread(BytesIO(answer.content)).SOPInstanceUID


def test_contours_and_report_of_a_corrected_mask(corrected: Corrected) -> None:
    """The report gives the corrected volume and refers to the corrected segmentation."""
    seg = corrected.object("mask?format=dicom-seg")
    contours = corrected.object("mask?format=dicom-rtstruct")
    (roi,) = contours.StructureSetROISequence
    assert roi.ROIGenerationAlgorithm == "SEMIAUTOMATIC"
    report = corrected.object("report?format=dicom-sr")
    (group,) = hd.sr.Comprehensive3DSR.from_dataset(  # type: ignore[attr-defined]
        report
    ).content.get_volumetric_roi_measurement_groups()
    assert group.referenced_segment.referenced_sop_instance_uid == seg.SOPInstanceUID
    voxel_ml = abs(np.linalg.det(np.array(corrected.scan["affine"])[:3, :3])) / 1000
    expected = np.count_nonzero(corrected.mask) * voxel_ml
    assert group.get_measurements()[0].value == pytest.approx(expected, rel=1e-6)
    told = corrected.gateway.client.get(f"{corrected.path}/report").json()
    assert told["measurements"]["labels"][0]["voxels"] == np.count_nonzero(corrected.mask)


def test_formats_and_tags_of_a_corrected_mask(corrected: Corrected, tmp_path: Path) -> None:
    client, path = corrected.gateway.client, f"{corrected.path}/mask"
    stored = client.get(path)
    assert stored.headers["content-type"] == "application/x-nifti"
    nrrd = client.get(f"{path}?format=nrrd")
    (tmp_path / "a.nrrd").write_bytes(nrrd.content)
    (tmp_path / "a.nii.gz").write_bytes(stored.content)
    one, other = (open_scan(tmp_path / name) for name in ("a.nrrd", "a.nii.gz"))
    assert np.allclose(one.affine, other.affine, atol=1e-5)
    tags = {client.get(f"{path}?format={form}").headers["etag"] for form in ("nrrd", "dicom-seg")}
    own = client.get(f"/v1/jobs/{corrected.job}/mask?format=nrrd").headers["etag"]
    assert len(tags | {own, stored.headers["etag"]}) == 4
    known = {"If-None-Match": nrrd.headers["etag"]}
    assert client.get(f"{path}?format=nrrd", headers=known).status_code == 304
    check_problem(client.get(f"{path}?format=png"), 422)
    for missing in ("mask?format=dicom-seg", "report?format=dicom-sr"):
        check_problem(client.get(f"/v1/jobs/{corrected.job}/reviews/none/{missing}"), 404)


def test_a_corrected_mask_is_delivered(start_gateway: Start, tmp_path: Path) -> None:
    """Beside the job's own mask, on request; a review that does not exist is refused."""
    routes = tmp_path / "routes.toml"
    classes = (SEG, SR)
    with archive(classes) as there:
        routes.write_text(
            f'[[peer]]\nname = "archive"\nhost = "127.0.0.1"\nport = {there.port}\n'
            'ae_title = "ARCHIVE"\n'
        )
        gateway = start_gateway(routing_table=str(routes), sweep_interval_s="0.1")
        corrected = Corrected(gateway)
        address = f"/v1/jobs/{corrected.job}/deliveries"
        wanted = {"to": ["archive"], "formats": ["dicom-seg", "dicom-sr"]}
        check_problem(gateway.client.post(address, json={**wanted, "review": "none"}), 404)
        gateway.client.post(address, json={"to": ["archive"]})
        until(lambda: len(there.objects) == 1)
        asked = gateway.client.post(address, json={**wanted, "review": corrected.review})
        assert [n["review"] for n in asked.json()] == [None, corrected.review, corrected.review]
        until(lambda: len(there.objects) == 3)
        until(lambda: all(n["state"] == "sent" for n in gateway.client.get(address).json()))
    made, drawn, report = there.objects
    assert np.array_equal(pixels(drawn, corrected.acquired), corrected.mask.transpose(2, 1, 0))
    assert not np.array_equal(pixels(made, corrected.acquired), pixels(drawn, corrected.acquired))
    named = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    uids = {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in named}
    assert drawn.SOPInstanceUID in uids


def test_a_final_label_is_sent_where_corrected_masks_are_wanted(
    start_gateway: Start, tmp_path: Path
) -> None:
    """In the formats of the job's own results; a label with another tag is not sent. That of a
    second reading is sent when it is the verdict, also because the second reading is cancelled. A
    correction that is saved is sent, too."""
    routes = tmp_path / "routes.toml"
    with archive() as there:
        routes.write_text(
            f'[[peer]]\nname = "archive"\nhost = "127.0.0.1"\nport = {there.port}\n'
            'ae_title = "ARCHIVE"\ncorrected_masks = true\n'
        )
        gateway = start_gateway(routing_table=str(routes), sweep_interval_s="0.1")
        corrected = Corrected(gateway)
        address = f"/v1/jobs/{corrected.job}/deliveries"
        gateway.client.post(address, json={"to": ["archive"]})
        until(lambda: len(there.objects) == 1)
        label = (gateway.data.parent / "corrected.nii.gz").read_bytes()
        for tag, count in (("draft", 1), ("final", 2)):
            put = gateway.client.put(
                "/monai-label/datastore/label",
                params={"image": corrected.scan["series"], "tag": tag},
                files={"label": ("label.nii.gz", label)},
            )
            assert put.status_code == 200, put.text
            assert len(gateway.client.get(address).json()) == count
        review = gateway.client.get(f"/v1/jobs/{corrected.job}/reviews").json()[-1]["id"]
        assert [one["review"] for one in gateway.client.get(address).json()] == [None, review]
        until(lambda: len(there.objects) == 2)
        second = f"/v1/jobs/{corrected.job}/second-reading"
        assert gateway.client.put(second).status_code == 200
        put = gateway.client.put(
            f"/monai-label/datastore/label?image={corrected.scan['series']}",
            files={"label": ("label.nii.gz", label)},
            data={"params": '{"client_id": "Ann"}'},
        )
        assert put.status_code == 200, put.text
        assert [one["review"] for one in gateway.client.get(address).json()] == [None]
        assert gateway.client.delete(second).status_code == 204
        newest = gateway.client.get(f"/v1/jobs/{corrected.job}/reviews").json()[-1]["id"]
        sent = [one["review"] for one in gateway.client.get(address).json()]
        assert sent == [None, review, newest]
        saved = Corrector(gateway, corrected.job).corrected([[0, 2, 1], [2, 3, 0]], newest)
        sent = [one["review"] for one in gateway.client.get(address).json()]
        assert sent == [None, review, newest, saved["id"]]
        until(lambda: len(there.objects) == 4)
    found = pixels(there.objects[1], corrected.acquired)
    assert np.array_equal(found, corrected.mask.transpose(2, 1, 0))
    drawn = corrected.mask.copy()
    drawn[:5, 0, 0] = 1, 1, 0, 0, 0
    shown = [pixels(one, corrected.acquired) for one in there.objects]
    (last,) = (n for n, one in enumerate(shown) if np.array_equal(one, drawn.transpose(2, 1, 0)))
    assert there.objects[last].SegmentSequence[-1].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_a_supplied_mask_names_no_network(gateway: Gateway) -> None:
    """A job that starts from a mask ran no network, and its results say so."""
    acquired, labels = series(), (blobs() > 0).astype(np.uint8).transpose(2, 1, 0)
    sent = [("files", (f"{n}.dcm", data)) for n, data in enumerate(files(acquired))]
    scan = gateway.client.post("/v1/scans", files=sent).json()
    image = nibabel.Nifti1Image(labels, np.array(scan["affine"]))
    (channel,) = gateway.client.get("/v1/models/solid").json()["channels"]
    job = str(
        gateway.job(
            scans={channel: scan["id"], "mask": gateway.scan(image.to_bytes())},
            model="solid",
            priority=9,
            options={"mask": "start"},
        )["id"]
    )
    run_job(gateway, job, labels)
    for form in ("mask?format=dicom-seg", "mask?format=dicom-rtstruct", "report?format=dicom-sr"):
        answer = gateway.client.get(f"/v1/jobs/{job}/{form}")
        assert answer.status_code == 200, answer.text
        dataset = dcmread(BytesIO(answer.content))
        assert dataset.SeriesDescription == "Supplied mask"
        assert "solid" not in str(dataset)
    seg = gateway.client.get(f"/v1/jobs/{job}/mask?format=dicom-seg")
    assert "supplied" in seg.headers["etag"]


def test_a_scan_that_is_not_dicom_has_no_dicom_results(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes((5, 6, 7), seed=78))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    made = run_job(gateway, job, np.zeros((5, 6, 7), np.uint8))
    review = Review("r" * 8, job, "corrected", "", "", 1.0, made.mask_sha256, "nifti")
    with gateway.repository() as repository:
        repository.reviews.add("local", review)
    answer = gateway.client.get(f"/v1/jobs/{job}/reviews/{review.id}/mask?format=dicom-seg")
    assert "scan is not DICOM" in str(check_problem(answer, 422)["detail"])
