"""A mask that was corrected over HTTP: exact in every storage, and in every result."""

import gzip
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom as hd
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image
from pydicom import Dataset, dcmread

from imaging.formats import registry
from imaging.formats.label_map import upright
from imaging.hashes import sha256_of
from tests.support.answers import check_problem
from tests.support.corrections import Corrector, answered, voxel_runs
from tests.support.dicom.files import classic, write
from tests.support.dicom.headers import files, picture
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes, png_bytes
from tests.support.placed_scans import ORIENTATIONS, TO_LPS, oblique, stored_as, straight

SHAPE = (7, 6, 5)
TURNED = np.array([[1, 1], [2, -1], [0, 1]])  # axes as in a coronal storage, one backwards
STORAGES = {
    "axial": (straight(), None),
    "coronal": (straight(), np.array([[0, 1], [2, -1], [1, 1]])),
    "sagittal": (straight(), np.array([[2, 1], [0, -1], [1, -1]])),
    "oblique": (oblique(), None),
    "oblique and turned": (oblique(), TURNED),
    "anisotropic": (np.diag([0.3, 2.0, 9.5, 1.0]), None),
    "flipped": (straight(), np.array([[0, -1], [1, -1], [2, -1]])),
}


def uploaded(gateway: Gateway, tmp_path: Path, name: str) -> dict[str, Any]:
    """A series in one of the storages."""
    affine, ornt = STORAGES[name]
    values = np.random.default_rng(len(name)).integers(0, 900, SHAPE, np.int16)
    if ornt is not None:
        values, affine = stored_as(values, affine, ornt)
    images = write(classic(values, affine), tmp_path / "series")
    sent = [("files", (path.name, path.read_bytes())) for path in images]
    return answered(gateway.client.post("/v1/scans", files=sent), 201)


def finished(gateway: Gateway, scan: str, mask: np.ndarray, model: str = "solid") -> Corrector:
    job = str(gateway.job(scan=scan, model=model, priority=9)["id"])
    run_job(gateway, job, mask)
    return Corrector(gateway, job)


def volume(ann: Corrector, path: str) -> nibabel.Nifti1Image:
    """A mask as the page gets it."""
    answer = ann.client.get(f"{ann.path.removesuffix('draft')}{path}?format=nifti")
    assert answer.status_code == 200, answer.text
    packed = answer.content.startswith(b"\x1f\x8b")
    content = gzip.decompress(answer.content) if packed else answer.content
    return nibabel.Nifti1Image.from_bytes(content)


def numbers(image: nibabel.Nifti1Image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


def dataset(ann: Corrector, review: str, path: str) -> Dataset:
    answer = ann.client.get(f"{ann.reviews}/{review}/{path}")
    assert answer.status_code == 200, answer.text
    return dcmread(BytesIO(answer.content))


def places(mask: np.ndarray, affine: np.ndarray) -> set[tuple[float, ...]]:
    """Where the voxels of a mask are, in RAS+ mm, to a hundredth of a millimetre."""
    world = np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3]
    return {tuple(point) for point in (np.round(world, 2) + 0.0).tolist()}


def painted(shape: tuple[int, ...]) -> np.ndarray:
    """A stroke without any symmetry, which crosses the ends of rows and slices."""
    stroke = np.zeros(shape, bool)
    stroke[1:4, 2, 1] = stroke[0, 1, 1:3] = stroke[-1, -1, 2:] = stroke[0, 0, -1] = True
    return stroke


@pytest.mark.parametrize("name", STORAGES)
def test_a_stroke_is_at_its_place_in_every_storage(
    gateway: Gateway, tmp_path: Path, name: str
) -> None:
    """In the stored mask, voxel by voxel, and in the DICOM Segmentation, read by highdicom."""
    scan = uploaded(gateway, tmp_path, name)
    shape, affine = tuple(scan["shape"][1:]), np.array(scan["affine"])
    made = np.zeros(shape, np.uint8)
    made[2:, 1:4, :2] = 1
    ann = finished(gateway, scan["id"], made)
    before = volume(ann, "mask")
    stroke = painted(shape)
    runs = [*voxel_runs(made, stroke, 1), *voxel_runs(made, stroke[::-1] & ~stroke, 0)]
    expected = made.copy()
    expected[stroke] = 1
    expected[stroke[::-1] & ~stroke] = 0
    review = ann.corrected(runs)
    added, removed = (np.count_nonzero(a > b) for a, b in ((expected, made), (made, expected)))
    assert review["changes"] == [{"label": 1, "added": added, "removed": removed}]
    after = volume(ann, f"reviews/{review['id']}/mask")
    assert np.array_equal(numbers(after), expected)
    assert np.allclose(after.affine, affine, atol=1e-4)
    assert np.array_equal(numbers(volume(ann, "mask")), numbers(before)), "the model's mask stays"
    seg = hd.seg.Segmentation.from_dataset(dataset(ann, review["id"], "mask?format=dicom-seg"))
    shown = seg.get_volume(combine_segments=True)
    found = places(np.asarray(shown.array), TO_LPS @ shown.affine)
    assert found == places(expected, affine)
    assert len(found) == np.count_nonzero(expected)


@pytest.mark.parametrize("number", [0, 9, 22, 31, 47])
def test_a_stroke_in_a_volume_of_any_axes(gateway: Gateway, number: int) -> None:
    """A NIfTI scan keeps its own axes, and the flat indices count along them."""
    values, affine = stored_as(np.zeros(SHAPE, np.uint8), straight(), ORIENTATIONS[number])
    scan = gateway.scan(nifti_bytes(values.shape, seed=900 + number, affine=affine))
    ann = finished(gateway, scan, values)
    stroke = painted(values.shape)
    review = ann.corrected(voxel_runs(values, stroke, 1))
    after = volume(ann, f"reviews/{review['id']}/mask")
    assert np.array_equal(numbers(after), stroke)
    assert np.allclose(after.affine, affine, atol=1e-4)


def test_all_results_of_a_corrected_mask(gateway: Gateway, tmp_path: Path) -> None:
    """Every format that the job's own mask and report have, with the corrected voxels."""
    scan = uploaded(gateway, tmp_path, "oblique")
    made = np.zeros(SHAPE, np.uint8)
    made[2:5, 1:4, 1:3] = 1
    ann = finished(gateway, scan["id"], made)
    review = ann.corrected([[0, 20, 1]])
    count = np.count_nonzero(made) + 20
    downloads = ann.client.get(f"{ann.path.removesuffix('/draft')}/downloads").json()
    offered = {one["format"] for one in downloads if one["kind"] == "mask"}
    assert {"nifti", "nrrd", "mgh", "dicom-seg", "dicom-labelmap", "dicom-rtstruct"} <= offered
    for form in offered:
        answer = ann.client.get(f"{ann.reviews}/{review['id']}/mask?format={form}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == registry.mask_format(form).media_type
    contours = dataset(ann, review["id"], "mask?format=dicom-rtstruct")
    (roi,) = contours.StructureSetROISequence
    assert roi.ROIGenerationAlgorithm == "SEMIAUTOMATIC"
    report = ann.client.get(f"{ann.reviews}/{review['id']}/report").json()
    assert report["corrected"] is True
    assert report["measurements"]["labels"][0]["voxels"] == count
    table = ann.client.get(f"{ann.reviews}/{review['id']}/report?format=csv").text
    assert f",{count}," in table.splitlines()[1]
    group = hd.sr.Comprehensive3DSR.from_dataset(  # type: ignore[attr-defined]
        dataset(ann, review["id"], "report?format=dicom-sr")
    ).content.get_volumetric_roi_measurement_groups()[0]
    voxel_ml = abs(np.linalg.det(np.array(scan["affine"])[:3, :3])) / 1000
    assert group.get_measurements()[0].value == pytest.approx(count * voxel_ml, rel=1e-6)


@pytest.mark.parametrize(("largest", "kind"), [(3, "png"), (70_000, "ome-tiff")])
def test_a_stroke_on_an_image(gateway: Gateway, largest: int, kind: str) -> None:
    """Flat indices are those of the upright slice that the page draws on."""
    scan = gateway.scan(png_bytes((9, 11, 3), seed=largest))
    dtype = np.uint8 if kind == "png" else np.uint32
    made = np.random.default_rng(4).integers(0, 3, (9, 11)).astype(dtype)
    made[0, 0] = largest
    job = str(gateway.job(scan=scan, model="flat", priority=9)["id"])
    run_job(gateway, job, made, instances={"count": largest})
    ann = Corrector(gateway, job)
    assert answered(ann.client.get(f"/v1/jobs/{job}"))["mask_format"] == kind
    stroke = np.zeros((9, 11), bool)
    stroke[2, 3:7] = stroke[8, 10] = stroke[0, 1] = True
    expected = np.where(stroke, 2, made)
    review = ann.corrected(voxel_runs(upright(made), upright(stroke), 2))
    path = f"reviews/{review['id']}/mask"
    if kind == "png":  # as the page gets it
        assert np.array_equal(numbers(volume(ann, path)), upright(expected))
    answer = ann.client.get(f"{ann.reviews}/{review['id']}/mask")
    assert review["mask_format"] == kind
    assert answer.headers["content-type"] == registry.mask_format(kind).media_type
    read = tifffile.imread if kind == "ome-tiff" else Image.open
    assert np.array_equal(np.asarray(read(BytesIO(answer.content))), expected)


def test_a_stroke_on_an_image_of_dicom(gateway: Gateway) -> None:
    acquired = picture()
    sent = [("files", ("image.dcm", one)) for one in files(acquired)]
    scan = answered(gateway.client.post("/v1/scans", files=sent), 201)
    made = np.zeros(scan["shape"][1:], np.uint8)
    made[2:4, 1] = 1
    ann = finished(gateway, scan["id"], made, "flat")
    stroke = np.zeros(made.shape, bool)
    stroke[0, 3] = stroke[-1, -1] = stroke[5, 2:6] = True
    review = ann.corrected(voxel_runs(upright(made), upright(stroke), 1))
    seg = hd.seg.Segmentation.from_dataset(dataset(ann, review["id"], "mask?format=dicom-seg"))
    image = acquired.kept.headers[0].SOPInstanceUID
    (found,) = seg.get_pixels_by_source_instance([image], combine_segments=True)
    assert np.array_equal(found, stroke | (made > 0))


def test_an_uploaded_mask_has_its_own_labels(gateway: Gateway) -> None:
    """Which may be larger than 255; no model is asked."""
    scan = gateway.scan(nifti_bytes(SHAPE, seed=901))
    labels = np.zeros(SHAPE, np.uint16)
    labels[:2], labels[3:5] = 700, 3
    image = nibabel.Nifti1Image(labels, np.diag([1, 2, 3, 1]))
    label = gateway.scan(bytes(image.to_bytes()))
    taken = answered(gateway.client.post(f"/v1/scans/{scan}/masks", json={"mask": label}), 201)
    ann = Corrector(gateway, taken["id"])
    draft = ann.begin()["id"]
    check_problem(ann.append(draft, 1, [[0, 1, 4]]), 422)
    answered(ann.append(draft, 1, [[0, 1, 3], [209, 1, 700]]))
    review = answered(ann.save(draft, 1), 201)
    expected = labels.copy()
    expected[0, 0, 0], expected[6, 5, 4] = 3, 700
    assert np.array_equal(numbers(volume(ann, f"reviews/{draft}/mask")), expected)
    assert review["changes"] == [
        {"label": 3, "added": 1, "removed": 0},
        {"label": 700, "added": 1, "removed": 1},
    ]


def test_a_correction_goes_on_where_3d_slicer_stopped(gateway: Gateway, tmp_path: Path) -> None:
    """A mask from a MONAI Label client is a base, and the result is a label for such clients."""
    content = nifti_bytes(SHAPE, seed=902)
    made = np.zeros(SHAPE, np.uint8)
    ann = finished(gateway, gateway.scan(content), made)
    drawn = made.copy()
    drawn[2:4] = 1
    label = nibabel.Nifti1Image(drawn, np.diag([1, 2, 3, 1])).to_bytes()
    scan = answered(ann.client.get(ann.path.removesuffix("/draft")))["scans"]
    image = next(iter(scan.values()))
    put = ann.client.put(
        "/monai-label/datastore/label",
        params={"image": image, "tag": "final"},
        files={"label": ("label.nii", bytes(label))},
        data={"params": '{"label_info": [{"name": "thing", "idx": 1}]}'},
    )
    assert put.status_code == 200, put.text
    (first,) = ann.client.get(ann.reviews).json()
    assert (first["base"], first["seconds"], first["changes"]) == (None, None, [])
    second = ann.corrected([[0, 1, 1]], base=first["id"])
    drawn[0, 0, 0] = 1
    answer = ann.client.get("/monai-label/datastore/label", params={"label": image, "tag": "final"})
    (tmp_path / "label.nii.gz").write_bytes(answer.content)
    assert np.array_equal(numbers(nibabel.load(tmp_path / "label.nii.gz")), drawn)
    assert second["changes"] == [{"label": 1, "added": 1, "removed": 0}]


def test_files_of_earlier_versions_never_change(gateway: Gateway) -> None:
    """The model's mask and each corrected one are files of their own."""
    ann = finished(gateway, gateway.scan(nifti_bytes(SHAPE, seed=903)), np.zeros(SHAPE, np.uint8))
    known: dict[Path, str] = {}
    base = None
    for number in range(3):
        base = ann.corrected([[number, 1, 1]], base)["id"]
        assert {path: sha256_of(path) for path in known} == known
        blobs = (gateway.data / "blobs").rglob("*")
        known = {path: sha256_of(path) for path in blobs if path.is_file()}
    assert [one["base"] for one in ann.client.get(ann.reviews).json()].count(None) == 1
