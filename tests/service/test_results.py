"""What a finished job made, as a viewer and a reader get it."""

import csv
import gzip
import io
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from imaging.box import Box
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.measure import measure_instances
from imaging.orientation import canonical
from tests.support.answers import check_problem
from tests.support.finished_jobs import run_job
from tests.support.gateway import Gateway
from tests.support.images import nifti_bytes, png_bytes

OBLIQUE = np.array([[0, -2, 0.1, 5], [1, 0, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1.0]])


def _volume(content: bytes) -> nibabel.Nifti1Image:
    plain = gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content
    return nibabel.Nifti1Image.from_bytes(plain)


@pytest.fixture
def solid(gateway: Gateway) -> tuple[str, str, np.ndarray]:
    """A volume's scan and finished job, and the mask that was made."""
    scan = gateway.scan(nifti_bytes(seed=50, affine=OBLIQUE))
    mask = np.random.default_rng(5).integers(0, 2, (5, 6, 7)).astype(np.uint8)
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    run_job(gateway, job, mask)
    return scan, job, mask


@pytest.fixture
def flat(gateway: Gateway) -> tuple[str, str, np.ndarray]:
    """The same for a picture."""
    scan = gateway.scan(png_bytes((9, 11, 3), seed=50))
    mask = np.random.default_rng(5).integers(0, 300, (9, 11)).astype(np.uint16)
    job = str(gateway.job(scan=scan, model="flat", priority=9)["id"])
    run_job(gateway, job, mask)
    return scan, job, mask


def test_mask_of_a_volume(gateway: Gateway, solid: tuple[str, str, np.ndarray]) -> None:
    """NIfTI, on the scan's own shape and affine."""
    scan, job, mask = solid
    for query in ("", "?format=nifti"):
        answer = gateway.client.get(f"/v1/jobs/{job}/mask{query}")
        found = _volume(answer.content)
        np.testing.assert_array_equal(found.get_fdata(), mask)
        np.testing.assert_allclose(found.affine, OBLIQUE, atol=1e-6)
        assert answer.headers["content-type"] == "application/x-nifti"
        assert int(answer.headers["content-length"]) == len(answer.content)
        assert f"mask-{job}.nii.gz" in answer.headers["content-disposition"]
    problem = check_problem(gateway.client.get(f"/v1/jobs/{job}/mask?format=png"), 422)
    assert "preview" in str(problem["hint"])
    check_problem(gateway.client.get(f"/v1/jobs/{job}/mask?format=tiff"), 422)
    assert scan


def test_volume_comes_as_it_was_sent(gateway: Gateway, solid: tuple[str, str, np.ndarray]) -> None:
    scan, _, _ = solid
    answer = gateway.client.get(f"/v1/scans/{scan}/volume")
    assert answer.content == nifti_bytes(seed=50, affine=OBLIQUE)
    assert f'scan-{scan}.nii"' in answer.headers["content-disposition"]
    packed = gateway.scan(gzip.compress(nifti_bytes(seed=51)))
    disposition = gateway.client.get(f"/v1/scans/{packed}/volume").headers["content-disposition"]
    assert f'scan-{packed}.nii.gz"' in disposition


def _stored(kind: str) -> nibabel.Nifti1Image:
    """Voxels of this type and byte order on an oblique grid; `scaled` ones have a slope."""
    name, _, scaled = kind.partition(" ")
    dtype = np.dtype(name)
    voxels = np.arange(-12, 12).reshape(2, 3, 4).astype(dtype)
    header = nibabel.Nifti1Header(endianness=">" if dtype.byteorder == ">" else "<")
    header.set_data_dtype(dtype)
    image = nibabel.Nifti1Image(voxels, OBLIQUE, header, dtype=dtype)
    if scaled:
        image.header.set_slope_inter(0.5, 3)
    return image


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["i8", "i8 scaled", "u8", "i1", "i1 scaled", ">i2", ">f4 scaled"])
def test_what_some_viewers_cannot_read_is_written_anew(
    gateway: Gateway, kind: str, packed: bool
) -> None:
    """64-bit integers, int8 and big-endian files; the values stay."""
    sent = _stored(kind).to_bytes()
    scan = gateway.scan(gzip.compress(sent) if packed else sent)
    found = _volume(gateway.client.get(f"/v1/scans/{scan}/volume").content)
    assert found.header.endianness == "<"
    assert found.get_data_dtype() in (np.float64, np.float32, np.int16)
    expected = nibabel.Nifti1Image.from_bytes(sent).get_fdata()
    np.testing.assert_array_equal(found.get_fdata(), expected)
    np.testing.assert_allclose(found.affine, OBLIQUE, atol=1e-6)


def test_mask_of_a_picture(gateway: Gateway, flat: tuple[str, str, np.ndarray]) -> None:
    """PNG of label numbers as it is stored; as NIfTI it lies on the volume, pixel on pixel."""
    scan, job, mask = flat
    stored = gateway.client.get(f"/v1/jobs/{job}/mask")
    assert stored.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.array(Image.open(io.BytesIO(stored.content))), mask)

    picture = _volume(gateway.client.get(f"/v1/scans/{scan}/volume").content)
    overlay = _volume(gateway.client.get(f"/v1/jobs/{job}/mask?format=nifti").content)
    assert overlay.shape == picture.shape == (11, 9, 1)
    np.testing.assert_array_equal(overlay.affine, picture.affine)
    pixels = np.array(Image.open(io.BytesIO(png_bytes((9, 11, 3), seed=50))))
    shown = np.asarray(picture.dataobj)
    red = np.asarray(shown["R"] if shown.dtype.names else shown)
    for row, column in ((0, 0), (0, 10), (8, 0), (3, 7)):
        there = (column, 8 - row, 0)
        assert red[there] == pixels[row, column, 0]
        assert overlay.get_fdata()[there] == mask[row, column]


def test_mask_of_a_picture_with_too_many_objects_for_a_png(gateway: Gateway) -> None:
    """Stored as OME-TIFF; `format=nifti` gives it on the volume's grid."""
    scan = gateway.scan(png_bytes((9, 11, 3), seed=52))
    mask = (np.arange(99, dtype=np.uint32) + 70_000).reshape(9, 11)
    job = str(gateway.job(scan=scan, model="flat", priority=9)["id"])
    run_job(gateway, job, mask)
    assert gateway.client.get(f"/v1/jobs/{job}").json()["mask_format"] == "ome-tiff"
    answer = gateway.client.get(f"/v1/jobs/{job}/mask")
    assert answer.headers["content-type"] == "image/tiff"
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(answer.content)), mask)
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format=nifti")
    assert answer.headers["content-type"] == "application/x-nifti"
    overlay = _volume(answer.content)
    np.testing.assert_array_equal(np.asarray(overlay.dataobj)[..., 0].T[::-1], mask)
    picture = _volume(gateway.client.get(f"/v1/scans/{scan}/volume").content)
    np.testing.assert_array_equal(overlay.affine, picture.affine)
    problem = check_problem(gateway.client.get(f"/v1/jobs/{job}/mask?format=png"), 422)
    assert "65,535" in str(problem)


@pytest.mark.parametrize("dimension", [2, 3])
def test_masks_as_ome(gateway: Gateway, tmp_path: Path, dimension: int) -> None:
    shape = (9, 11) if dimension == 2 else (6, 7, 8)
    content = png_bytes((9, 11, 3), seed=55) if dimension == 2 else nifti_bytes(seed=55)
    scan = gateway.scan(content)
    shape = tuple(gateway.client.get(f"/v1/scans/{scan}").json()["shape"][1:])
    mask = (np.arange(np.prod(shape)) % 7).astype(np.uint8).reshape(shape)
    model = "flat" if dimension == 2 else "solid"
    job = str(gateway.job(scan=scan, model=model, priority=9)["id"])
    run_job(gateway, job, mask)
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format=ome-zarr")
    assert answer.headers["content-type"] == "application/zip"
    assert f"mask-{job}.ome.zarr.zip" in answer.headers["content-disposition"]
    (tmp_path / "mask.zip").write_bytes(answer.content)
    (tmp_path / "scan").write_bytes(content)
    got, own = canonical(open_scan(tmp_path / "mask.zip")), canonical(open_scan(tmp_path / "scan"))
    assert np.allclose(got.scan.affine, own.scan.affine, atol=1e-3)
    found = got.scan.read(Box.whole(got.scan.grid))[0]
    np.testing.assert_array_equal(found, own.turn(mask) if dimension == 3 else mask)
    answer = gateway.client.get(f"/v1/jobs/{job}/mask?format=ome-tiff")
    if dimension == 3:
        assert "cannot be converted to OME-TIFF" in str(check_problem(answer, 422))
    else:
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(answer.content)), mask)


def test_no_scratch_stays(gateway: Gateway, flat: tuple[str, str, np.ndarray]) -> None:
    scan, job, _ = flat
    before = gateway.kept()
    for _ in range(3):
        gateway.client.get(f"/v1/jobs/{job}/mask?format=nifti")
        gateway.client.get(f"/v1/scans/{scan}/volume")
    assert gateway.kept() == before


def test_copy_that_is_still_good(gateway: Gateway, flat: tuple[str, str, np.ndarray]) -> None:
    """The same ETag is answered by 304 and no body."""
    scan, job, _ = flat
    for path in (
        f"/v1/scans/{scan}/volume",
        f"/v1/jobs/{job}/mask",
        f"/v1/jobs/{job}/mask?format=nifti",
        f"/v1/jobs/{job}/preview.png",
    ):
        first = gateway.client.get(path)
        tag = first.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache"
        for given in (tag, f"W/{tag}", f'"other", {tag}'):
            again = gateway.client.get(path, headers={"If-None-Match": given})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
        other = gateway.client.get(path, headers={"If-None-Match": '"other"'})
        assert other.content == first.content


def test_report(gateway: Gateway, solid: tuple[str, str, np.ndarray]) -> None:
    _, job, _ = solid
    report = gateway.client.get(f"/v1/jobs/{job}/report").json()
    assert report["measurements"]["labels"][0]["volume_ml"] == 0.036
    path = f"/v1/jobs/{job}/report"
    by_query = gateway.client.get(f"{path}?format=csv")
    by_header = gateway.client.get(path, headers={"Accept": "text/csv"})
    assert by_query.headers["content-type"] == "text/csv; charset=utf-8"
    assert by_query.text == by_header.text
    (row,) = csv.DictReader(io.StringIO(by_query.text))
    assert (row["name"], float(row["volume_ml"]), int(row["voxels"])) == ("thing", 0.036, 6)
    assert (
        gateway.client.get(f"{path}?format=json", headers={"Accept": "text/csv"}).json() == report
    )


def test_report_of_a_picture_as_a_table(
    gateway: Gateway, flat: tuple[str, str, np.ndarray]
) -> None:
    (row,) = csv.DictReader(
        io.StringIO(gateway.client.get(f"/v1/jobs/{flat[1]}/report?format=csv").text)
    )
    assert (row["voxels"], row["centroid_row"], row["stop_column"]) == ("6", "1.5", "4")


def test_report_of_numbered_objects_as_a_table(gateway: Gateway, tmp_path: Path) -> None:
    """A row per object, not one for all of them; only the head is missing where there is none."""
    content = png_bytes((9, 11, 3), seed=54)
    (tmp_path / "scan.png").write_bytes(content)
    mask = np.zeros((9, 11), np.uint16)
    mask[1:3, 2:5], mask[6, 7] = 1, 2
    told = measure_instances(mask, open_scan(tmp_path / "scan.png", Limits()), "cell").as_dict()
    objects = told.pop("objects")
    tables = {}
    for name, rows in (("some", objects), ("none", [])):
        job = str(gateway.job(scan=gateway.scan(content), model="flat", priority=9)["id"])
        run_job(gateway, job, mask, instances=told, objects=rows)
        answer = gateway.client.get(f"/v1/jobs/{job}/report?format=csv")
        tables[name] = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["value"], row["name"], row["voxels"]) for row in tables["some"]] == [
        ("1", "cell", "6"),
        ("2", "cell", "1"),
    ]
    assert tables["none"] == []


def test_preview(gateway: Gateway, solid: tuple[str, str, np.ndarray]) -> None:
    answer = gateway.client.get(f"/v1/jobs/{solid[1]}/preview.png")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (4, 4)


def test_nothing_before_the_end(gateway: Gateway) -> None:
    scan = gateway.scan(nifti_bytes(seed=52))
    job = gateway.job(scan=scan, model="solid")["id"]
    for what in ("mask", "report", "preview.png"):
        problem = check_problem(gateway.client.get(f"/v1/jobs/{job}/{what}"), 409)
        assert "queued" in str(problem["detail"])
        check_problem(gateway.client.get(f"/v1/jobs/nonesuch/{what}"), 404)
    check_problem(gateway.client.get("/v1/scans/nonesuch/volume"), 404)
    check_problem(gateway.client.post(f"/v1/jobs/{job}/reviews", json={"verdict": "accepted"}), 409)


def test_reviews(gateway: Gateway, solid: tuple[str, str, np.ndarray]) -> None:
    """The latest review is the job's verdict; all of them are kept."""
    path = f"/v1/jobs/{solid[1]}"
    assert gateway.client.get(f"{path}/reviews").json() == []
    given = {"verdict": "rejected", "comment": "Zu groß.\nTwo lines.", "reviewer": "R1"}
    first = gateway.client.post(f"{path}/reviews", json=given)
    assert first.status_code == 201
    assert given.items() <= first.json().items()
    gateway.client.post(f"{path}/reviews", json={"verdict": "accepted"})
    assert gateway.client.get(path).json()["verdict"] == "accepted"
    verdicts = [review["verdict"] for review in gateway.client.get(f"{path}/reviews").json()]
    assert sorted(verdicts) == ["accepted", "rejected"]
    for bad in ({}, {"verdict": "fine"}, {"verdict": "accepted", "comment": "\0"}, {"verdict": 1}):
        check_problem(gateway.client.post(f"{path}/reviews", json=bad), 422)
    check_problem(gateway.client.post("/v1/jobs/no/reviews", json=given), 404)
    check_problem(gateway.client.get("/v1/jobs/no/reviews"), 404)


def test_deleting_a_scan_takes_all_that_was_made_of_it(
    gateway: Gateway,
) -> None:
    kept = gateway.kept()
    scan = gateway.scan(nifti_bytes(seed=53))
    job = str(gateway.job(scan=scan, model="solid", priority=9)["id"])
    mask = np.random.default_rng(6).integers(0, 2, (5, 6, 7)).astype(np.uint8)
    run_job(gateway, job, mask)
    gateway.client.post(f"/v1/jobs/{job}/reviews", json={"verdict": "accepted"})
    gateway.age(gateway.kept()[0] - kept[0])
    assert gateway.client.delete(f"/v1/scans/{scan}").status_code == 204
    assert gateway.kept()[1] == kept[1]
    assert gateway.kept()[0] - kept[0] == set()
    check_problem(gateway.client.get(f"/v1/jobs/{job}/mask"), 404)
