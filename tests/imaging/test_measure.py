"""Sizes, boxes and centroids against shapes whose measures are known, and skimage's regionprops."""

import csv
import io
import json

import numpy as np
import pytest
from skimage.measure import regionprops

import imaging.measure
from imaging.measure import measure, measure_instances, table, to_csv
from imaging.scan import Scan

AFFINE = np.array(
    [[0.8, 0.1, -0.2, -30.3], [-0.1, 1.1, 0.3, 12.7], [0.2, -0.3, 2.9, 5.1], [0, 0, 0, 1]]
)


def scan_of(
    shape: tuple[int, ...], affine: np.ndarray = AFFINE, spacing: tuple[float, ...] | None = None
) -> Scan:
    return Scan(
        (1, *shape),
        np.dtype(np.uint8),
        affine if len(shape) == 3 else np.eye(4),
        spacing,
        "nifti" if len(shape) == 3 else "png",
        lambda box: np.zeros((1, *box.shape), np.uint8),
        shape,
    )


@pytest.fixture(params=[1 << 20, 50])
def _slab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging.measure, "_BLOCK_VOXELS", request.param)


@pytest.mark.usefixtures("_slab")
def test_a_box_of_voxels_has_its_volume_and_centre() -> None:
    mask = np.zeros((9, 8, 7), np.uint8)
    mask[2:5, 1:8, 3:5] = 2
    mask[0, 0, 0] = 1
    rows = measure(mask, scan_of(mask.shape), [(1, "dot"), (2, "box"), (7, "none")]).rows
    voxel_mm3 = abs(np.linalg.det(AFFINE[:3, :3]))

    assert [(r.value, r.name, r.voxels) for r in rows] == [
        (1, "dot", 1),
        (2, "box", 42),
        (7, "none", 0),
    ]
    assert rows[1].volume_ml == pytest.approx(42 * voxel_mm3 / 1000)
    assert rows[1].bounding_box == ((2, 1, 3), (5, 8, 5))
    assert rows[1].centroid_voxel == (3.0, 4.0, 3.5)
    assert rows[1].centroid_mm == pytest.approx((AFFINE @ (3.0, 4.0, 3.5, 1))[:3])
    assert rows[0].centroid_mm == pytest.approx(AFFINE[:3, 3])
    assert rows[1].area_px is rows[1].area_mm2 is None
    assert (rows[2].volume_ml, rows[2].bounding_box, rows[2].centroid_mm) == (0.0, None, None)


def test_a_ball_of_ten_mm_has_the_volume_of_a_ball() -> None:
    grid = np.moveaxis(np.indices((60, 44, 30)), 0, -1)
    affine = np.diag([0.5, 0.7, 1.0, 1.0])
    world = grid @ affine[:3, :3].T
    mask = (((world - (15, 15.4, 15)) ** 2).sum(-1) <= 100).astype(np.uint8)
    row = measure(mask, scan_of(mask.shape, affine), [(1, "ball")]).rows[0]
    assert row.volume_ml == pytest.approx(4 / 3 * np.pi, rel=0.01)
    assert row.centroid_mm == pytest.approx((15, 15.4, 15), abs=0.02)


def test_a_picture_has_areas_and_no_volume() -> None:
    mask = np.zeros((6, 9), np.uint8)
    mask[1:3, 4:8] = 1
    row = measure(mask, scan_of((6, 9)), [(1, "patch")]).rows[0]
    assert (row.area_px, row.area_mm2, row.volume_ml, row.centroid_mm) == (8, None, None, None)
    assert row.centroid_voxel == (1.5, 5.5)
    assert row.bounding_box == ((1, 4), (3, 8))
    row = measure(mask, scan_of((6, 9), spacing=(0.5, 0.25)), [(1, "patch")]).rows[0]
    assert row.area_mm2 == pytest.approx(1.0)


@pytest.mark.usefixtures("_slab")
@pytest.mark.parametrize("shape", [(40, 53), (11, 13, 9)])
def test_objects_are_measured_as_skimage_measures_them(shape: tuple[int, ...]) -> None:
    mask = np.random.default_rng(3).integers(0, 40, shape).astype(np.uint16)
    mask[mask == 17] = 0
    got = measure_instances(mask, scan_of(shape), "nucleus")
    expected = regionprops(mask)
    assert [r.value for r in got.rows] == [p.label for p in expected]
    for row, prop in zip(got.rows, expected, strict=True):
        assert row.name == "nucleus"
        assert row.voxels == prop.area
        assert row.centroid_voxel == pytest.approx(prop.centroid)
        first, stop = prop.bbox[: len(shape)], prop.bbox[len(shape) :]
        assert row.bounding_box == (first, stop)
    sizes = [p.area for p in expected]
    assert got.count == len(sizes) == 38
    assert got.total_voxels == sum(sizes)
    assert got.median_voxels == np.median(sizes)
    assert (got.smallest_voxels, got.largest_voxels) == (min(sizes), max(sizes))
    assert (got.total_ml is None) == (len(shape) == 2)


def test_no_objects_are_measured_as_none() -> None:
    got = measure_instances(np.zeros((4, 5), np.uint16), scan_of((4, 5)))
    assert (got.count, got.total_voxels, got.median_voxels, got.rows) == (0, 0, 0.0, ())


def test_what_is_measured_goes_into_json_and_csv() -> None:
    mask = np.zeros((9, 8, 7), np.uint8)
    mask[2:5, 1:8, 3:5] = 2
    got = measure(mask, scan_of(mask.shape), [(1, "left, upper"), (2, "box")])
    again = json.loads(json.dumps(got.as_dict()))["labels"]
    assert again[1]["bounding_box"] == [[2, 1, 3], [5, 8, 5]]
    assert again[0]["centroid_mm"] is None
    table = list(csv.DictReader(io.StringIO(to_csv(got.rows))))
    assert table[0]["name"] == "left, upper"
    assert table[0]["centroid_x_mm"] == ""
    assert float(table[1]["volume_ml"]) == got.rows[1].volume_ml
    assert [table[1][f"stop_{axis}"] for axis in "ijk"] == ["5", "8", "5"]

    flat = measure_instances(np.eye(4, dtype=np.uint8), scan_of((4, 4)))
    assert json.loads(json.dumps(flat.as_dict()))["objects"][0]["area_px"] == 4
    assert next(csv.DictReader(io.StringIO(to_csv(flat.rows))))["centroid_row"] == "1.5"
    assert to_csv([]) == ""


def test_members_that_are_no_measurement_have_no_column() -> None:
    """A worker's report says more of a label than what is measured in the mask."""
    mask = np.ones((2, 2, 2), np.uint8)
    measured = measure(mask, scan_of(mask.shape), [(1, "a")])
    rows = [row | {"unsure_share": 0.25} for row in measured.as_dict()["labels"]]
    assert table({"labels": rows}) == to_csv(measured.rows)


@pytest.mark.parametrize("name", ["=1+1", "@x", "+a", "-b", "\t=1", "\tx", " =1"])
def test_a_name_cannot_become_a_formula_in_a_spreadsheet(name: str) -> None:
    got = measure(np.zeros((2, 2), np.uint8), scan_of((2, 2)), [(1, name)])
    assert next(csv.DictReader(io.StringIO(to_csv(got.rows))))["name"] == f"'{name}"


@pytest.mark.parametrize("name", ["\r=1+1", "\n=1+1", "\r\n=1+1"])
def test_a_name_keeps_to_its_row(name: str) -> None:
    got = measure(np.zeros((2, 2), np.uint8), scan_of((2, 2)), [(1, name), (2, f"a{name}")])
    table = list(csv.DictReader(io.StringIO(to_csv(got.rows), newline="")))
    assert [row["name"] for row in table] == ["' =1+1", "a =1+1"]
    assert [row["voxels"] for row in table] == ["0", "0"]
