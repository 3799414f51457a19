"""A case that is given with a model is stored without patient data."""

import gzip
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.scan import Scan, in_memory
from models.given_case import GivenCase, with_case
from models.reference import Reference, check_reference
from tests.support.dicom.headers import files, series

NAME = "Müller^Jörg"
FIELDS: dict[str, Any] = {
    "dimension": 3,
    "channels": [{"name": "t1"}],
    "labels": [{"value": 1, "name": "a"}, {"value": 4, "name": "b"}],
}


def voxels(scan: Scan) -> np.ndarray:
    return scan.read(Box.whole(scan.grid))


def blocks(scan: Scan) -> np.ndarray:
    """Labels 0, 1 and 4 on the scan's grid, another one in each third along the first axis."""
    mask = np.zeros(scan.grid, np.uint8)
    third = scan.grid[0] // 3
    mask[third : 2 * third], mask[2 * third :] = 1, 4
    return mask


def placed(mask: np.ndarray, scan: Scan, path: Path, description: str = "") -> Scan:
    image = nibabel.Nifti1Image(mask, scan.affine)
    image.header["descrip"] = description.encode("latin-1")
    nibabel.save(image, path)
    return open_scan(path)


def contents(folder: Path) -> bytes:
    """All files, decompressed."""
    parts = []
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        parts.append(gzip.decompress(data) if path.suffix == ".gz" else data)
    return b"".join(parts)


@pytest.fixture
def dicom(tmp_path: Path) -> Scan:
    """A series of a named patient, as the command line packs it."""
    from cli.input_scans import input_scans
    from imaging.formats.incoming import ScanSelection

    folder = tmp_path / "series"
    folder.mkdir()
    for n, data in enumerate(files(series())):
        (folder / f"{n}.dcm").write_bytes(data)
    return open_scan(input_scans([folder])[0].prepare(tmp_path / "packed", ScanSelection()))


def test_a_dicom_series_leaves_its_voxels_only(dicom: Scan, tmp_path: Path) -> None:
    mask = placed(blocks(dicom), dicom, tmp_path / "mask.nii.gz", f"mask of {NAME}")
    folder = tmp_path / "model"
    folder.mkdir()
    fields = with_case(FIELDS, GivenCase({"": dicom}, mask), folder)
    reference = Reference.model_validate(fields["reference"])
    check_reference(reference, folder)
    assert {path.name for path in folder.iterdir()} == set(reference.files)
    for secret in (
        NAME.encode("latin-1"),
        NAME.encode(),
        b"P1",
        b"19700203",
        b"20200102",
        b"mask of",
    ):
        assert secret not in contents(folder)
    stored = open_scan(folder / reference.scans[0])
    assert np.array_equal(voxels(stored), voxels(dicom))
    assert np.allclose(stored.affine, dicom.affine, atol=1e-4)
    assert np.array_equal(voxels(open_scan(folder / reference.mask))[0], blocks(dicom))


def test_text_in_a_nifti_file_is_left_out(dicom: Scan, tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(voxels(dicom)[0], dicom.affine)
    image.header["descrip"], image.header["aux_file"] = b"Jones^Mary", b"mary.txt"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Jones^Mary 1970"))
    nibabel.save(image, tmp_path / "scan.nii.gz")
    folder = tmp_path / "model"
    folder.mkdir()
    fields = with_case(FIELDS, GivenCase({"t1": open_scan(tmp_path / "scan.nii.gz")}), folder)
    assert fields["sample"] == {"kind": "file", "files": ["sample.nii.gz"]}
    assert "reference" not in fields
    assert np.array_equal(voxels(open_scan(folder / "sample.nii.gz")), voxels(dicom))
    for secret in (b"Jones", b"mary.txt"):
        assert secret not in contents(folder)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_image_keeps_its_pixels_and_their_size(mode: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (9, 14, *((3,) if mode == "RGB" else ())), np.uint8)
    text = PngInfo()
    text.add_text("Patient", "Jones^Mary")
    Image.fromarray(pixels).save(tmp_path / "scan.png", pnginfo=text, dpi=(2540, 1270))
    scan = open_scan(tmp_path / "scan.png")
    folder = tmp_path / "model"
    folder.mkdir()
    fields = with_case(
        FIELDS | {"dimension": 2}, GivenCase({"": scan}, in_memory(blocks(scan)[None])), folder
    )
    stored = open_scan(folder / fields["reference"]["scans"][0])
    assert np.array_equal(voxels(stored), voxels(scan))
    assert stored.dtype == np.uint8
    assert stored.spacing_mm == pytest.approx(scan.spacing_mm)
    mask = open_scan(folder / fields["reference"]["mask"])
    assert np.array_equal(voxels(mask)[0], blocks(scan))
    assert b"Jones" not in contents(folder)


def test_a_mask_along_other_axes_is_turned(dicom: Scan, tmp_path: Path) -> None:
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(blocks(dicom), dicom.affine))
    nibabel.save(image, tmp_path / "mask.nii")
    folder = tmp_path / "model"
    folder.mkdir()
    fields = with_case(FIELDS, GivenCase({"": dicom}, open_scan(tmp_path / "mask.nii")), folder)
    mask = open_scan(folder / fields["reference"]["mask"])
    assert np.array_equal(voxels(mask)[0], blocks(dicom))


def changed(change: str, mask: np.ndarray, scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """The mask and its affine with a fault."""
    shifted = scan.affine.copy()
    shifted[0, 3] += 5
    return {
        "value": (np.where(mask == 4, 3, mask), scan.affine),
        "empty": (mask * 0, scan.affine),
        "fraction": (mask * np.float32(0.5), scan.affine),
        "grid": (mask[:-1], scan.affine),
        "place": (mask, shifted),
    }[change]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("value", "the value 3, which is not a label"),
        ("empty", "The mask is empty"),
        ("fraction", "not label numbers"),
        ("grid", "has the shape"),
        ("place", "voxels away from the image's grid"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    change: str, text: str, dicom: Scan, tmp_path: Path
) -> None:
    mask, affine = changed(change, blocks(dicom), dicom)
    nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / "mask.nii")
    case = GivenCase({"": dicom}, open_scan(tmp_path / "mask.nii"))
    with pytest.raises(BadRequest, match=text):
        with_case(FIELDS, case, tmp_path)


def test_each_channel_needs_a_scan(dicom: Scan, tmp_path: Path) -> None:
    fields = FIELDS | {"channels": [{"name": "t1"}, {"name": "flair"}]}
    with pytest.raises(BadRequest, match="these channels: t1"):
        with_case(fields, GivenCase({"t1": dicom}), tmp_path)
    files = with_case(fields, GivenCase({"flair": dicom, "t1": dicom}), tmp_path)["sample"]["files"]
    assert files == ["sample.nii.gz", "sample_1.nii.gz"]
    with pytest.raises(BadRequest, match="case is 3D"):
        with_case(FIELDS | {"dimension": 2}, GivenCase({"t1": dicom}), tmp_path)


def test_a_reference_replaces_a_sample_without_recorded_accuracy(
    dicom: Scan, tmp_path: Path
) -> None:
    case = GivenCase({"": dicom}, in_memory(blocks(dicom)[None], dicom.spacing_mm))
    mask = placed(blocks(dicom), dicom, tmp_path / "mask.nii")
    case = GivenCase({"": dicom}, mask)
    sample = {"kind": "noise", "shape": [8, 8, 8]}
    assert "sample" not in with_case(FIELDS | {"sample": sample}, case, tmp_path)
    recorded = FIELDS | {"sample": sample, "accuracy": {"margin": 0.002}}
    assert with_case(recorded, case, tmp_path)["sample"] == sample
