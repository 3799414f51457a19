"""Orientations other than RAS+, with nibabel and SimpleITK as oracles."""

from itertools import permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
from hypothesis import given
from hypothesis import strategies as st
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, io_orientation
from nibabel.orientations import ornt_transform as between
from scipy.spatial.transform import Rotation

from imaging.box import Box
from imaging.formats.sniff import open_scan
from imaging.orientation import check_orientation, oriented, stored_axes
from imaging.scan import Scan, in_memory

SHAPE = (5, 7, 4)
SPACING = (0.9, 1.7, 3.1)
DIRECTIONS = [
    "".join(letters) for pairs in permutations(("RL", "AP", "SI")) for letters in product(*pairs)
]
STORED = ["".join(letters) for letters in permutations("ijk")]


def scan_of(values: np.ndarray, affine: np.ndarray) -> Scan:
    return Scan(
        shape=(1, *values.shape),
        dtype=values.dtype,
        affine=affine,
        spacing_mm=tuple(np.linalg.norm(affine[:3, :3], axis=0)),
        format="nifti",
        reader=lambda box: values[box.slices][np.newaxis].copy(),
        stored_shape=values.shape,
    )


def whole(scan: Scan) -> np.ndarray:
    return scan.read(Box.whole(scan.grid))[0]


def volume() -> tuple[np.ndarray, np.ndarray]:
    """Values without any symmetry, and an affine that is oblique and not along RAS+."""
    values = np.random.default_rng(3).integers(0, 900, SHAPE).astype(np.int16)
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", (17, -11, 114), degrees=True).as_matrix()
    affine[:3, :3] = turn @ np.diag(SPACING)
    affine[:3, 3] = (12, 3, -7)
    return values, affine


@pytest.mark.parametrize("code", DIRECTIONS)
def test_directions_are_nibabels_axis_codes(code: str) -> None:
    values, affine = volume()
    turn = between(io_orientation(affine), axcodes2ornt(code))
    check_orientation(code, 3)
    view = oriented(scan_of(values, affine), code)
    assert np.array_equal(whole(view.scan), apply_orientation(values, turn))
    expected = affine @ inv_ornt_aff(turn, SHAPE)
    assert np.allclose(view.scan.affine, expected)
    assert nib.aff2axcodes(view.scan.affine) == tuple(code)
    assert np.allclose(np.array(view.scan.spacing_mm), np.linalg.norm(expected[:3, :3], axis=0))
    assert np.array_equal(view.turn(values), whole(view.scan))
    assert np.array_equal(view.restore(whole(view.scan)), values)
    box = Box((1, 2, 0), (3, 4, 3))
    assert np.array_equal(view.scan.read(box)[0], whole(view.scan)[box.slices])


@pytest.mark.parametrize("code", STORED)
def test_stored_axes_are_permuted_and_never_flipped(code: str, tmp_path: Path) -> None:
    values, affine = volume()
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "scan.nii")
    read = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "scan.nii")))
    check_orientation(code, 3)
    scan = open_scan(tmp_path / "scan.nii")
    view = oriented(scan, code)
    expected = np.transpose(read, ["kji".index(letter) for letter in code])
    assert np.array_equal(whole(view.scan), expected)
    assert np.array_equal(view.restore(whole(view.scan)), values)
    columns = ["ijk".index(letter) for letter in code]
    assert np.allclose(view.scan.affine[:, :3], scan.affine[:, columns])
    assert stored_axes(code, 3) == tuple(columns)


@given(
    code=st.sampled_from(DIRECTIONS + STORED),
    ornt=st.sampled_from(DIRECTIONS),
    seed=st.integers(0, 1 << 16),
)
def test_a_mask_made_on_the_turned_axes_is_in_place_on_the_stored_ones(
    code: str, ornt: str, seed: int
) -> None:
    """However the scan is stored, a voxel of the view and the voxel it is restored to have one
    position in space."""
    values = np.random.default_rng(seed).permutation(np.prod(SHAPE)).reshape(SHAPE)
    turn = axcodes2ornt(ornt)
    stored = apply_orientation(values, turn)
    affine = volume()[1] @ inv_ornt_aff(turn, SHAPE)
    view = oriented(scan_of(stored, affine), code)
    at = np.argwhere(whole(view.scan) == seed % values.size)[0]
    mask = np.zeros(view.scan.grid, np.uint8)
    mask[tuple(at)] = 1
    restored = np.argwhere(view.restore(mask))[0]
    assert stored[tuple(restored)] == seed % values.size
    assert np.allclose(view.scan.affine @ [*at, 1], affine @ [*restored, 1])


def test_an_image_has_rows_and_columns() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    scan = in_memory(pixels, (2.0, 5.0))
    for code in ("RAS", "ij"):
        check_orientation(code, 2)
        assert oriented(scan, code).scan is scan
    check_orientation("ji", 2)
    view = oriented(scan, "ji")
    assert np.array_equal(whole(view.scan), pixels[0].T)
    assert view.scan.spacing_mm == (5.0, 2.0)
    assert np.array_equal(view.restore(pixels[0].T), pixels[0])


@pytest.mark.parametrize(
    ("code", "dimension"),
    [
        ("", 3), ("RA", 3), ("RLS", 3), ("RRA", 3), ("ras", 3), ("ij", 3), ("ijj", 3), ("RASI", 3),
        ("XYZ", 3), ("ijk", 2), ("LPS", 2), ("ii", 2),
    ],
)  # fmt: skip
def test_anything_else_is_refused(code: str, dimension: int) -> None:
    with pytest.raises(ValueError, match="orientation"):
        check_orientation(code, dimension)
