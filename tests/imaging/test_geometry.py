"""Canonical orientation and regridding, with nibabel and scipy as oracles."""

from dataclasses import replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nibabel.affines import apply_affine
from nibabel.orientations import apply_orientation, inv_ornt_aff
from scipy.spatial.transform import Rotation

import imaging.geometry
from imaging.box import Box
from imaging.errors import ScanModelMismatch
from imaging.formats.nifti.write import write_mask
from imaging.formats.sniff import open_scan
from imaging.geometry import onto_grid
from imaging.measure import measure
from imaging.orientation import canonical, orientation
from imaging.scan import Scan

ORIENTATIONS = [
    np.array(list(zip(order, signs, strict=True)))
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]
SHAPE = (5, 7, 4)


def oblique(degrees: tuple[float, float, float] = (17.0, -11.0, 24.0)) -> np.ndarray:
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    affine[:3, :3] = turn @ np.diag([0.9, 1.7, 3.1])
    affine[:3, 3] = (-41.5, 12.25, 7.75)
    return affine


def scan_of(values: np.ndarray, affine: np.ndarray) -> Scan:
    spacing = tuple(np.linalg.norm(affine[:3, :3], axis=0))
    return Scan(
        shape=(1, *values.shape),
        dtype=values.dtype,
        affine=affine,
        spacing_mm=spacing,
        format="nifti",
        reader=lambda box: values[box.slices][np.newaxis].copy(),
        stored_shape=values.shape,
    )


def stored_as(values: np.ndarray, affine: np.ndarray, ornt: np.ndarray) -> tuple[Any, ...]:
    """The same scan along other axes, made by nibabel."""
    return apply_orientation(values, ornt), affine @ inv_ornt_aff(ornt, values.shape)


def whole(scan: Scan) -> np.ndarray:
    return scan.read(Box.whole(scan.grid))[0]


def asymmetric() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 900, SHAPE).astype(np.int16)


@pytest.mark.parametrize("kind", ["sform", "qform"])
@pytest.mark.parametrize("ornt", ORIENTATIONS, ids=lambda o: "".join(map(str, o.ravel())))
def test_every_storage_of_a_scan_has_one_canonical_view(
    tmp_path: Path, ornt: np.ndarray, kind: str
) -> None:
    """Given a scan stored one of 48 ways, its view is the same and its mask goes back in place."""
    values, affine = asymmetric(), oblique()
    stored, stored_affine = stored_as(values, affine, ornt)
    image = nib.Nifti1Image(stored, stored_affine)
    if kind == "qform":
        image.set_sform(None, 0)
        image.set_qform(stored_affine, 1)
    nib.save(image, tmp_path / "scan.nii")
    scan = open_scan(tmp_path / "scan.nii")
    oracle = nib.as_closest_canonical(nib.load(tmp_path / "scan.nii"))

    view = canonical(scan)

    assert np.array_equal(whole(view.scan), np.asarray(oracle.dataobj))
    assert np.array_equal(whole(view.scan), values)
    assert np.allclose(view.scan.affine, oracle.affine, atol=1e-12)
    assert np.allclose(view.scan.affine, affine, atol=2e-5)
    assert np.allclose(np.array(view.scan.spacing_mm), (0.9, 1.7, 3.1), atol=1e-5)
    assert np.array_equal(view.turn(stored), values)

    mask = (values > 700).astype(np.uint8)
    write_mask(tmp_path / "mask.nii.gz", view.restore(mask), scan)
    written, source = nib.load(tmp_path / "mask.nii.gz"), nib.load(tmp_path / "scan.nii")
    assert np.array_equal(written.affine, source.affine)
    assert written.shape == source.shape
    assert np.array_equal(np.asarray(written.dataobj), (stored > 700))
    row = measure(view.restore(mask), scan, [(1, "x")]).rows[0]
    world = apply_affine(affine, np.argwhere(mask).mean(axis=0))
    assert np.allclose(np.array(row.centroid_mm), world, atol=1e-4)


def test_a_region_of_the_view_is_the_region_of_its_whole() -> None:
    values, affine = stored_as(asymmetric(), oblique(), ORIENTATIONS[37])
    view = canonical(scan_of(values, affine)).scan
    box = Box((1, 2, 0), (4, 7, 3))
    assert np.array_equal(view.read(box)[0], whole(view)[box.slices])


@pytest.mark.parametrize(
    "degrees",
    [
        (0, 0, 45),
        (45, 0, 0),
        (0, 45, 0),
        (0, 0, 135),
        (45, 0, 45),
        (35.26438968, 0, 45),
        (44, 45, 46),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_ties_do_not_depend_on_how_the_scan_is_stored(
    degrees: tuple[Any, ...], noise: float
) -> None:
    values, affine = asymmetric(), oblique(degrees)
    reference = canonical(scan_of(values, affine)).scan
    generator = np.random.default_rng(0)
    for ornt in ORIENTATIONS:
        stored, stored_affine = stored_as(values, affine, ornt)
        stored_affine[:3, :3] += noise * generator.standard_normal((3, 3))
        view = canonical(scan_of(stored, stored_affine)).scan
        assert np.array_equal(whole(view), whole(reference))
        assert np.allclose(view.affine, reference.affine, atol=1e-5)


@settings(max_examples=150, deadline=None)
@given(
    entries=st.lists(st.floats(-3, 3, allow_nan=False), min_size=9, max_size=9),
    ornt=st.sampled_from(ORIENTATIONS),
)
def test_any_sound_affine_gets_a_proper_assignment(entries: list[Any], ornt: np.ndarray) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(entries, (3, 3))
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() < 1e-3 or abs(np.linalg.det(affine[:3, :3] / lengths)) < 1e-3:
        return
    order, flipped = orientation(affine)
    assert sorted(order) == [0, 1, 2]
    values = asymmetric()
    stored, stored_affine = stored_as(values, affine, ornt)
    view, other = (canonical(scan_of(v, a)) for v, a in ((values, affine), (stored, stored_affine)))
    assert np.array_equal(whole(view.scan), whole(other.scan))
    assert np.array_equal(view.restore(whole(view.scan)), values)
    assert len(flipped) == 3


def test_a_picture_is_passed_through() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    scan = Scan(
        pixels.shape, pixels.dtype, np.eye(4), None, "png", lambda b: pixels[:, *b.slices], (3, 4)
    )
    view = canonical(scan)
    assert view.scan is scan
    assert np.array_equal(view.restore(pixels[0]), pixels[0])


def test_a_contrast_is_pulled_onto_the_grid_like_scipy_does() -> None:
    from scipy.ndimage import map_coordinates

    values = np.random.default_rng(1).standard_normal((9, 8, 7)).astype(np.float32)
    moving = scan_of(values, oblique((20, 5, -30)))
    target = oblique((-10, 12, 8))
    target[:3, 3] = moving.affine[:3, 3] + (2, 1, 3)
    shape = (6, 11, 5)
    got = whole(onto_grid(moving, shape, target))

    world = apply_affine(target, np.moveaxis(np.indices(shape), 0, -1))
    at = np.moveaxis(apply_affine(np.linalg.inv(moving.affine), world), -1, 0)
    inside = np.all(
        [(a >= -0.5) & (a <= n - 0.5) for a, n in zip(at, values.shape, strict=True)], 0
    )
    clamped = [np.clip(a, 0, n - 1) for a, n in zip(at, values.shape, strict=True)]
    oracle = map_coordinates(values.astype(np.float64), clamped, order=1)
    assert 20 < inside.sum() < inside.size - 20
    assert np.allclose(got[inside], oracle[inside], atol=1e-4)
    assert (got[~inside] == values.min()).all()


def test_regions_of_a_pulled_contrast_are_those_of_its_whole() -> None:
    values = np.random.default_rng(1).standard_normal((9, 8, 7)).astype(np.float32)
    moving = scan_of(values, oblique((20, 5, -30)))
    grid = onto_grid(moving, (8, 9, 6), oblique((19, 7, -28)))
    for box in (Box((0, 0, 0), (1, 1, 1)), Box((3, 2, 1), (8, 4, 6)), Box((7, 0, 5), (8, 9, 6))):
        assert np.array_equal(grid.read(box)[0], whole(grid)[box.slices])


@pytest.mark.parametrize("coarser", [0.4, 1.0, 3.0])
def test_an_oblique_contrast_is_read_in_small_boxes(
    monkeypatch: pytest.MonkeyPatch, coarser: float
) -> None:
    """Cut on all axes: the boxes of the plane across a turned scan would hold nearly all of it."""
    values = np.random.default_rng(1).standard_normal((40, 37, 33)).astype(np.float32)
    values[3, 20, 9] = np.nan
    sizes = []
    plain = scan_of(values, oblique((45, 30, 45)))

    def noted(box: Box) -> np.ndarray:
        sizes.append(box.size)
        return plain.reader(box)

    target = oblique((0, 0, 0)) @ np.diag([coarser, coarser, coarser, 1])
    target[:3, 3] = plain.affine[:3, :3] @ (20, 18, 16) + plain.affine[:3, 3]
    target[:3, 3] -= target[:3, :3] @ (15, 14, 12)
    moving = onto_grid(replace(plain, reader=noted), (30, 28, 24), target)
    in_one = whole(moving)
    monkeypatch.setattr(imaging.geometry, "_PART_VOXELS", 800)
    monkeypatch.setattr(imaging.geometry, "_READ_VOXELS", 500)
    in_one.setflags(write=False)
    lowest = values[np.isfinite(values)].min()
    assert (in_one != lowest).mean() > 0.05
    sizes.clear()
    assert np.array_equal(whole(moving), in_one, equal_nan=True)
    assert max(sizes) <= 500
    assert len(sizes) > 10
    box = Box((2, 11, 1), (29, 12, 24))
    assert np.array_equal(moving.read(box)[0], in_one[box.slices], equal_nan=True)


@pytest.mark.parametrize("ornt", ORIENTATIONS[::5], ids=str)
def test_a_contrast_on_the_same_grid_keeps_its_very_values(ornt: np.ndarray) -> None:
    values = np.random.default_rng(1).standard_normal(SHAPE).astype(np.float32)
    values[2, 3, 1] = np.nan
    affine = oblique()
    stored, stored_affine = stored_as(values, affine, ornt)
    grid = onto_grid(scan_of(stored, stored_affine), SHAPE, affine)
    assert np.array_equal(whole(grid), values, equal_nan=True)


def test_pictures_of_two_sizes_do_not_go_together() -> None:
    pixels = np.zeros((1, 3, 4), np.uint8)
    scan = Scan(
        pixels.shape, pixels.dtype, np.eye(4), None, "png", lambda b: pixels[:, *b.slices], (3, 4)
    )
    assert onto_grid(scan, (3, 4), np.eye(4)) is scan
    with pytest.raises(ScanModelMismatch):
        onto_grid(scan, (4, 4), np.eye(4))
