"""Where a NIfTI volume lies: units, sform and qform, and the defaults of nifti1.h.

The oracle is nibabel. Units, which nibabel does not apply, are NIFTI_UNITS_* of nifti1.h.
"""

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.nifti.write import write_mask
from imaging.formats.sniff import open_scan, verify

SHAPE = (5, 6, 7)
AFFINE = np.array([[0, -2.0, 0, 9], [1.5, 0, 0, -4], [0, 0, 3, 7], [0, 0, 0, 1]])
SFORM: dict[str, Any] = {"sform_code": 2, "qform_code": 0}
QFORM: dict[str, Any] = {"sform_code": 0, "qform_code": 1}
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}


def saved(path: Path, affine: np.ndarray = AFFINE, **fields: Any) -> Path:
    """A file whose header fields are overwritten, sound or not."""
    image = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), None)
    image.set_sform(affine, 2)
    image.set_qform(affine, 1)
    header = image.header
    header["xyzt_units"] = 2
    data = bytearray(image.to_bytes())
    raw = nib.Nifti1Header(bytes(data[:348]), check=False)
    for name, value in fields.items():
        raw[name] = value
    data[:348] = raw.binaryblock
    path.write_bytes(bytes(data))
    return path


@pytest.mark.parametrize("unit", UNIT_MM)
@pytest.mark.parametrize("form", [SFORM, QFORM, {"sform_code": 0, "qform_code": 0}], ids=str)
def test_lengths_are_converted_to_mm(tmp_path: Path, unit: int, form: dict[str, Any]) -> None:
    path = saved(tmp_path / "a.nii", xyzt_units=unit + 8, **form)
    scan = verify(path)
    stated = nib.load(path)
    mm = np.diag([UNIT_MM[unit]] * 3 + [1])
    assert np.allclose(scan.affine, mm @ stated.affine)
    spacing = np.array(stated.header.get_zooms()) * UNIT_MM[unit]
    assert scan.spacing_mm == pytest.approx(tuple(spacing))
    assert any("metres" in warning for warning in scan.warnings) == (unit != 2)

    write_mask(tmp_path / "mask.nii", np.ones(SHAPE, np.uint8), scan)

    mask = nib.load(tmp_path / "mask.nii")
    assert np.array_equal(mask.affine, stated.affine)
    assert mask.header["xyzt_units"] == unit + 8
    assert np.array_equal(open_scan(tmp_path / "mask.nii").affine, scan.affine)


@pytest.mark.parametrize(
    ("unit", "words"), [(0, "no unit of length"), (8, "no unit of length"), (5, "the unit 5")]
)
def test_a_unit_that_is_none_of_length_is_reported(tmp_path: Path, unit: int, words: str) -> None:
    scan = open_scan(saved(tmp_path / "a.nii", xyzt_units=unit))
    assert np.array_equal(scan.affine, AFFINE)
    assert any(words in warning for warning in scan.warnings)


@pytest.mark.parametrize(
    "fields",
    [
        {"pixdim": [0, 1.5, 2, 3, 1, 1, 1, 1]},
        {"pixdim": [-1, 1.5, 2, 3, 1, 1, 1, 1]},
        {"pixdim": [1, 1.5, -2, 3, 1, 1, 1, 1]},
        {"quatern_b": 0.0, "quatern_c": 0.0, "quatern_d": -1.0},
        {"quatern_b": 0.0, "quatern_c": 0.70710683, "quatern_d": 0.70710683},
    ],
    ids=str,
)
def test_a_qform_is_read_as_nibabel_reads_it(tmp_path: Path, fields: dict[str, Any]) -> None:
    path = saved(tmp_path / "a.nii", **QFORM, **fields)
    scan = verify(path)
    assert np.allclose(scan.affine, nib.load(path).affine, atol=1e-3)
    assert scan.warnings == ()


def test_a_missing_voxel_size_is_one_with_a_warning(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", **QFORM, pixdim=[1, 1.5, 2, 0, 1, 1, 1, 1])
    scan = open_scan(path)
    assert np.allclose(scan.affine, nib.load(path).affine)
    assert scan.spacing_mm == pytest.approx((1.5, 2, 1))
    assert any("no voxel size" in warning for warning in scan.warnings)


def test_sizes_of_axes_that_are_not_used_do_not_matter(tmp_path: Path) -> None:
    """A 2D image: pixdim[3], and the sform's third column, describe no axis of the file."""
    flat = AFFINE.copy()
    flat[:, 2] = 0
    image = nib.Nifti1Image(np.zeros((5, 6), np.uint8), np.eye(4))
    image.header["xyzt_units"] = 2
    for axis, name in enumerate(("srow_x", "srow_y", "srow_z")):
        image.header[name] = flat[axis]
    image.header["sform_code"], image.header["qform_code"] = 1, 0
    data = bytearray(image.to_bytes())
    raw = nib.Nifti1Header(bytes(data[:348]), check=False)
    raw["srow_x"], raw["srow_y"], raw["srow_z"] = flat[:3]
    raw["sform_code"], raw["pixdim"][3] = 1, 0
    (tmp_path / "a.nii").write_bytes(raw.binaryblock + bytes(data[348:]))
    scan = verify(tmp_path / "a.nii")
    assert np.array_equal(scan.affine[:, [0, 1, 3]], flat[:, [0, 1, 3]])
    assert np.allclose(scan.affine[:3, 2], [0, 0, 1])
    assert scan.warnings == ()


def test_forms_that_disagree_are_reported_with_their_distance(tmp_path: Path) -> None:
    moved = AFFINE.copy()
    moved[:3, 3] += (3, -4, 0)
    path = saved(tmp_path / "a.nii", srow_x=moved[0], srow_y=moved[1], sform_code=4)
    scan = open_scan(path)
    assert np.allclose(scan.affine, nib.load(path).affine)
    (warning,) = scan.warnings
    assert "differ by up to 5 mm: its sform (MNI 152) and its qform (scanner)" in warning
    assert "The sform was used." in warning
    metres = open_scan(saved(tmp_path / "b.nii", srow_x=moved[0], srow_y=moved[1], xyzt_units=1))
    assert "5e+03 mm" in metres.warnings[0]
    assert open_scan(saved(tmp_path / "c.nii")).warnings == ()


def test_a_sound_qform_replaces_an_sform_that_is_not_valid(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.nii", srow_x=[0] * 4, srow_y=[0] * 4, srow_z=[0] * 4)
    scan = open_scan(path)
    assert np.allclose(scan.affine, nib.load(path).get_qform())
    assert scan.warnings == ("The file's sform is not valid. Its qform was used.",)


@pytest.mark.parametrize("degrees", [0.01, 0.2, 12])
def test_axes_that_are_not_perpendicular_are_reported(tmp_path: Path, degrees: float) -> None:
    shear = np.eye(4)
    shear[0, 1] = np.tan(np.radians(degrees))
    image = nib.Nifti1Image(np.zeros(SHAPE, np.uint8), shear)
    image.header["xyzt_units"] = 2
    image.to_filename(tmp_path / "a.nii")
    warnings = open_scan(tmp_path / "a.nii").warnings
    assert bool(warnings) == (degrees > 0.1)
    if warnings:
        assert f"differs by {degrees:g} degrees from 90" in warnings[0]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({**SFORM, "srow_x": [0] * 4}, "The sform in the NIfTI header is not valid"),
        ({**QFORM, "quatern_b": 3.0}, "the quaternion is longer than 1"),
        ({**SFORM, "srow_x": [0, 1e30, 0, 0]}, "impossibly large"),
        ({**SFORM, "srow_x": [0, -2, 0, 1e30]}, "impossibly large"),
        ({**QFORM, "qoffset_x": np.inf}, "The qform in the NIfTI header is not valid"),
    ],
    ids=str,
)
def test_a_refusal_names_the_form(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedScan, match=words):
        open_scan(saved(tmp_path / "a.nii", **fields))


def test_a_length_of_zero_after_the_third_axis_is_one(tmp_path: Path) -> None:
    """nifti1_io.c reads it as 1; a length of zero in space is damage."""
    path = saved(tmp_path / "a.nii", dim=[5, *SHAPE, 0, 0, 0, 0])
    assert verify(path).grid == SHAPE
    with pytest.raises(UnreadableScan, match="length below 1"):
        open_scan(saved(tmp_path / "b.nii", dim=[3, 5, 0, 7, 1, 1, 1, 1]))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_all_orders_and_flips_are_those_of_nibabel(tmp_path: Path, order: tuple[int, ...]) -> None:
    for signs in itertools.product((1, -1), repeat=3):
        affine = np.eye(4)
        affine[:3, :3] = np.diag([1.5, 2, 3])[:, order] * signs
        for form in (SFORM, QFORM):
            path = saved(tmp_path / "a.nii", affine, **form)
            assert np.allclose(open_scan(path).affine, affine, atol=1e-5)
            assert np.allclose(nib.load(path).affine, affine, atol=1e-5)
