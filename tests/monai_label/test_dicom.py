"""DICOM series: by UID, in the order of a viewer's stack, and as a Segmentation."""

import io
import json
import zipfile
from collections.abc import Sequence

import nibabel
import numpy as np
import pytest
from highdicom.seg import segread
from pydicom import Dataset

from tests.support.dicom.files import DESCRIPTION, NUMBER, PATIENT, classic
from tests.support.monai_label import SMALL, Served

RAW = {"params": json.dumps({"result_extension": ".nrrd", "result_compress": False})}


def _series(seed: int, shape: tuple[int, int, int] = (12, 10, 8)) -> list[Dataset]:
    rng = np.random.default_rng(seed)
    affine = np.array([[-0.8, 0, 0, 40], [0, -0.9, 0, 30], [0, 0, 2.5, -20], [0, 0, 0, 1.0]])
    return classic(rng.integers(0, 900, shape).astype(np.int16), affine)


def _zip(images: Sequence[Dataset]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number, image in enumerate(images):
            one = io.BytesIO()
            image.save_as(one, enforce_file_format=True)
            archive.writestr(f"{PATIENT}/{number}.dcm", one.getvalue())
    return out.getvalue()


def test_a_series_by_its_uid(served: Served) -> None:
    """OHIF knows a series' UID alone, and its stack runs along the normal."""
    images = _series(1)
    uid = str(images[0].SeriesInstanceUID)
    files = {"file": ("series.zip", _zip(images))}
    assert served.http.put("/datastore/", files=files).status_code == 200
    answer = served.http.post(f"/infer/{SMALL}?image={uid}&output=image", data=RAW)
    assert answer.status_code == 200, answer.text
    bare = answer.content.partition(b"\n\n")[2]
    stack = np.frombuffer(bare, np.uint8).reshape(8, 10, 12)
    (job,) = served.jobs(uid)
    stored = served.folder / "series.nii.gz"
    stored.write_bytes(served.gateway.client.get(f"/v1/jobs/{job['id']}/mask").content)
    mask, affine = nibabel.load(stored).get_fdata(), nibabel.load(stored).affine
    along = sorted(images, key=lambda one: float(one.ImagePositionPatient[2]))
    for plane, image in zip(stack, along, strict=True):
        x, y, z = (float(n) for n in image.ImagePositionPatient)
        i, j, k, _ = np.linalg.solve(affine, [-x, -y, z, 1.0]).round().astype(int)
        assert (i, j) == (0, 0)
        np.testing.assert_array_equal(plane, mask[:, :, k].T)


def test_a_segmentation_of_it(served: Served) -> None:
    images = _series(2)
    files = {"file": ("series.zip", _zip(images))}
    image = served.http.put("/datastore/", files=files).json()["image"]
    answer = served.http.post(f"/infer/{SMALL}?image={image}&output=dicom_seg")
    assert answer.status_code == 200, answer.text
    found = segread(io.BytesIO(answer.content))
    assert found.ReferencedSeriesSequence[0].SeriesInstanceUID == images[0].SeriesInstanceUID
    assert len(found.segment_numbers) == 2


def test_a_label_drawn_on_it(served: Served) -> None:
    """Slicer draws on the NIfTI that it fetched; the label lies on the series' own grid."""
    files = {"file": ("series.zip", _zip(_series(3)))}
    image = served.http.put("/datastore/?image=drawn+on", files=files).json()["image"]
    volume = served.folder / "drawn-on.nii.gz"
    volume.write_bytes(served.http.get("/datastore/image", params={"image": image}).content)
    shown = nibabel.as_closest_canonical(nibabel.load(volume))
    drawn = np.zeros(shown.shape, np.uint8)
    drawn[2:4, 3:7, 1:5] = 5
    label = served.folder / "drawn-label.nii.gz"
    nibabel.save(nibabel.Nifti1Image(drawn, shown.affine), label)
    told = {"params": json.dumps({"label_info": [{"name": "vessel", "idx": 5}]})}
    answer = served.http.put(
        "/datastore/label",
        params={"image": image},
        data=told,
        files={"label": ("l.nii.gz", label.read_bytes())},
    )
    assert answer.status_code == 200, answer.text
    label.write_bytes(served.http.get("/datastore/label", params={"label": image}).content)
    kept = nibabel.as_closest_canonical(nibabel.load(label))
    np.testing.assert_array_equal(np.asarray(kept.dataobj), drawn)
    np.testing.assert_allclose(kept.affine, shown.affine, atol=1e-4)


def test_a_series_that_was_resampled(served: Served) -> None:
    """Given uneven gaps, a viewer gets the mask on the slices that it has."""
    images = _series(4, (12, 10, 9))
    for image in images:
        x, y, z = image.ImagePositionPatient
        image.ImagePositionPatient = [x, y, z if float(z) < -10 else float(z) + 1.5]
    uid = str(images[0].SeriesInstanceUID)
    files = {"files": ("series.zip", _zip(images))}
    answer = served.gateway.client.post("/v1/scans?resample=true", files=files)
    assert answer.status_code == 201, answer.text
    assert served.scan(uid)["shape"][3] > 9
    answer = served.http.post(f"/infer/{SMALL}?image={uid}&output=image", data=RAW)
    head, _, bare = answer.content.partition(b"\n\n")
    assert b"sizes: 12 10 9" in head
    assert len(bare) == 12 * 10 * 9
    assert len(set(bare)) > 1


def test_sessions_of_many_files(served: Served) -> None:
    images = _series(5)
    files = []
    for number, image in enumerate(images):
        one = io.BytesIO()
        image.save_as(one, enforce_file_format=True)
        files.append(("files", (f"{number}.dcm", one.getvalue())))
    made = served.http.put("/session/", files=files)
    assert made.status_code == 200, made.text
    session = made.json()["session_id"]
    answer = served.http.post(f"/infer/{SMALL}?session_id={session}&output=json")
    assert answer.json()["label_names"] == {"a": 1, "b": 2}
    assert served.http.delete(f"/session/{session}").status_code == 200
    assert (
        served.http.head(f"/datastore/image?image={images[0].SeriesInstanceUID}").status_code == 404
    )


def test_a_zip_of_one_volume(served: Served) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("deep/down/v.nii.gz", served.volume(90).read_bytes())
    files = {"files": ("v.zip", out.getvalue())}
    made = served.http.put("/session/?uncompress=true&expiry=60", files=files)
    assert made.status_code == 200, made.text
    assert made.json()["session_info"]["expiry"] == 60
    served.http.delete(f"/session/{made.json()['session_id']}")


@pytest.mark.parametrize("secret", [PATIENT, NUMBER, DESCRIPTION])
def test_nothing_of_the_patient_is_told(served: Served, secret: str) -> None:
    assert secret not in served.gateway.log.read_text()
    assert secret not in served.http.get("/logs/?lines=1000").text
    assert secret not in json.dumps(served.http.get("/datastore/?output=all").json())
