"""DICOM in: every voxel at its place, and a plain word where that cannot be."""

import os
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import (
    SeveralScans,
    UnsupportedScan,
)
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.nifti.write import write_volume
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from tests.support.dicom.files import PATIENT, classic, enhanced, picture, pydicom_file, write
from tests.support.dicom.scans import (
    LIMITS,
    PLANES,
    SHAPE,
    along,
    at,
    centres,
    fresh,
    source_of,
    taken,
    turned,
    voxels,
    whole,
)


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("flips", list(product((1, -1), repeat=3)))
def test_every_voxel_lies_at_its_place(
    tmp_path: Path, plane: str, flips: tuple[int, int, int]
) -> None:
    """Given a volume acquired in any plane, its axes running either way, every value is where the
    standard's equation puts it, and so is it however slices are named and numbered."""
    volume, affine = voxels(), turned()
    source = nibabel.Nifti1Image(volume, affine)
    stored = source.as_reoriented(np.stack([np.argsort(PLANES[plane]), flips], axis=1))
    scan = taken(tmp_path, *classic(np.asarray(stored.dataobj), stored.affine))
    assert scan.format == "dicom"
    assert scan.dtype == np.int16
    np.testing.assert_array_equal(at(scan, centres(SHAPE, affine)), volume.ravel())
    assert np.linalg.det(scan.affine[:3, :3]) > 0  # slices run along the normal
    assert sorted(scan.spacing_mm or ()) == pytest.approx([0.7, 0.9, 2.5], abs=1e-6)


def test_enhanced_multi_frame(tmp_path: Path) -> None:
    """Given one file of three moments, frames mixed, each is a volume with its own values."""
    volumes = [voxels(seed=n) for n in range(3)]
    paths = write([enhanced(volumes, turned())], tmp_path / "sent")
    with pytest.raises(SeveralScans) as caught:
        incoming_scans(paths, tmp_path, LIMITS)
    assert [choice["slices"] for choice in caught.value.choices] == [7, 7, 7]
    with pytest.raises(UnsupportedScan, match="3 volumes"):
        open_scan(paths[0])
    found, refused = incoming_scans(
        paths, fresh(tmp_path / "all"), LIMITS, ScanSelection(each=True)
    )
    assert not refused
    for one, volume in zip(found, volumes, strict=True):
        np.testing.assert_array_equal(
            at(open_scan(one.path), centres(SHAPE, turned())), volume.ravel()
        )
    (second,), _ = incoming_scans(paths, fresh(tmp_path / "one"), LIMITS, ScanSelection(stack=2))
    planes = source_of(open_scan(second.path)).planes()
    assert len(planes.headers) == 1
    assert [frame for _, frame in planes.frames] == [1 + 3 * k for k in range(7)]


needs_dcm2niix = pytest.mark.skipif(
    shutil.which("dcm2niix") is None, reason="dcm2niix is not installed (Debian: dcm2niix)"
)


@pytest.mark.system
@needs_dcm2niix
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("plane", PLANES)
def test_as_dcm2niix_has_it(tmp_path: Path, modality: str, plane: str) -> None:
    """Corners within 0.001 mm, values equal after rescale."""
    shape = (34, 40, 28)
    source = nibabel.Nifti1Image(voxels(shape), turned())
    stored = source.as_reoriented(np.stack([np.argsort(PLANES[plane]), [1, -1, 1]], axis=1))
    changes = {"RescaleSlope": "2", "RescaleIntercept": "-1024"} if modality == "CT" else {}
    images = classic(np.asarray(stored.dataobj), stored.affine, modality=modality, **changes)
    scan = taken(tmp_path, *images)
    check_as_dcm2niix(scan, tmp_path / "sent", tmp_path)


SHARED = os.environ.get("TESSERA_TEST_DATA")
REAL = [
    *("mr_head_t1", "mr_t1post", "mr_hippocampus_crop_1", "mr_hippocampus_crop_2"),
    *("ct_with_seg/ct-3slice", "mr_enhanced_multiframe/In/Philips"),
    "mr_enhanced_multiframe/In/Siemens",
]
"""Under `dicom` in the folder that TESSERA_TEST_DATA names, which CI has not."""

if SHARED:

    @pytest.mark.system
    @needs_dcm2niix
    @pytest.mark.parametrize("name", REAL)
    def test_real_series_as_dcm2niix_has_them(tmp_path: Path, name: str) -> None:
        folder = Path(str(SHARED)) / "dicom" / name
        found, refused = incoming_scans([folder], tmp_path, LIMITS, ScanSelection(each=True))
        assert not refused
        made = dcm2niix(folder, fresh(tmp_path / "out"))
        for one in found:
            scan = open_scan(one.path)
            assert any(same_volume(scan, volume, affine) for volume, affine in made), one.name


def dcm2niix(folder: Path, out: Path) -> list[tuple[NDArray[Any], NDArray[np.float64]]]:
    """Every volume that dcm2niix makes, told not to use a vendor's private scaling.

    Twice where its sform and its qform differ: rounded in float32, they do by a thousandth of a mm.
    """
    program = ["dcm2niix", "-b", "n", "-z", "n", "-p", "n", "-f", "%s_%e_%p%t", "-o", str(out)]
    subprocess.run([*program, str(folder)], check=True, capture_output=True)
    volumes = []
    for path in out.glob("*.nii"):
        image = nibabel.load(path)
        values = np.asanyarray(image.dataobj)
        for volume in [values] if values.ndim == 3 else list(np.moveaxis(values, 3, 0)):
            volumes += [(volume, image.get_sform()), (volume, image.get_qform())]
    return volumes


def same_volume(scan: Scan, volume: NDArray[Any], affine: NDArray[np.float64]) -> bool:
    """Corners within 0.001 mm, and the same value in every voxel that is not padding."""
    corners = np.array(list(product(*((0, n - 1) for n in scan.grid))))
    here = corners @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    nearest = np.round(np.linalg.solve(affine, np.c_[here, np.ones(8)].T)[:3])
    away = (affine @ np.vstack([nearest, np.ones(8)]))[:3].T - here
    if sorted(volume.shape) != sorted(scan.grid) or np.linalg.norm(away, axis=1).max() >= 1e-3:
        return False
    index = np.indices(scan.grid).reshape(3, -1)
    world = scan.affine[:3, :3] @ index + scan.affine[:3, 3:]
    voxel = np.round(np.linalg.solve(affine, np.vstack([world, np.ones(index.shape[1])])))
    there = volume[tuple(voxel[:3].astype(int))]
    here, padding = whole(scan)[0].ravel(), scan.padding_in(Box.whole(scan.grid))
    if padding is not None:
        there, here = there[~padding.ravel()], here[~padding.ravel()]
    return bool(np.allclose(there, here, rtol=1e-6, atol=1e-4))


def check_as_dcm2niix(scan: Scan, folder: Path, out: Path) -> None:
    """Whether dcm2niix, told not to use a vendor's private scaling, finds the same volume."""
    made = dcm2niix(folder, fresh(out / "out"))
    assert any(same_volume(scan, volume, affine) for volume, affine in made)


def test_planes_name_their_images(tmp_path: Path) -> None:
    images = classic(voxels(), turned())
    series = source_of(taken(tmp_path, *images))
    planes = series.planes()
    wanted = sorted(images, key=lambda image: float(np.dot(*along(image))))
    assert [h.SOPInstanceUID for h in planes.headers] == [w.SOPInstanceUID for w in wanted]
    assert planes.frames == tuple((n, 0) for n in range(7))
    assert planes.headers[0].PatientName == PATIENT
    assert "PixelData" not in planes.headers[0]
    mask = voxels(seed=3)
    np.testing.assert_array_equal(series.on_planes(mask)[4, 2], mask[:, 2, 4])


def test_rescale_of_each_slice(tmp_path: Path) -> None:
    """PET gives each slice a slope of its own."""
    volume, images = voxels(), classic(voxels(), turned())
    for k, image in enumerate(images):
        image.RescaleSlope, image.RescaleIntercept = str(0.5 + k / 4), str(k)
    scan = taken(tmp_path, *images)
    assert scan.dtype == np.float32
    wanted = volume * (0.5 + np.arange(7) / 4) + np.arange(7)
    found = at(scan, centres(SHAPE, turned()))
    np.testing.assert_array_equal(found, wanted.ravel().astype(np.float32))


def test_hounsfield_units_stay_whole_numbers(tmp_path: Path) -> None:
    values = np.abs(voxels())
    images = classic(values, turned(), modality="CT", RescaleSlope="1", RescaleIntercept="-1024")
    for image in images:
        image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
    scan = taken(tmp_path, *images)
    assert scan.dtype == np.int16
    np.testing.assert_array_equal(at(scan, centres(SHAPE, turned())), values.ravel() - 1024)


@pytest.mark.parametrize(
    "name", ["MR_small_RLE", "MR_small_jp2klossless", "MR_small_jpeg_ls_lossless"]
)
def test_compressed_images_are_the_same(name: str) -> None:
    plain = whole(open_scan(pydicom_file("MR_small.dcm")))
    packed = whole(open_scan(pydicom_file(f"{name}.dcm")))
    np.testing.assert_array_equal(packed, plain)


def test_a_slice_alone_is_a_volume(tmp_path: Path) -> None:
    scan = taken(tmp_path, *classic(voxels((11, 9, 1)), turned()))
    assert scan.grid == (11, 9, 1)
    assert scan.spacing_mm == pytest.approx((0.7, 0.9, 2.5))


def test_pictures(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 4000, (13, 8), np.uint16)
    scan = taken(tmp_path / "grey", picture(grey, PixelSpacing=["0.5", "0.25"]))
    assert (scan.shape, scan.spacing_mm, scan.dimension) == ((1, 13, 8), (0.5, 0.25), 2)
    np.testing.assert_array_equal(whole(scan)[0], grey)
    dark = taken(tmp_path / "dark", picture(grey, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(whole(dark)[0], 65535 - grey)
    color = np.random.default_rng(1).integers(0, 256, (13, 8, 3), np.uint8)
    scan = taken(tmp_path / "color", picture(color))
    np.testing.assert_array_equal(whole(scan), np.moveaxis(color, -1, 0))


def test_values_of_pictures_are_of_the_type_that_is_told(tmp_path: Path) -> None:
    """Below zero after rescale, signed, turned: viewers get the values, none of them wrapped."""
    grey = np.random.default_rng(0).integers(0, 4000, (13, 8), np.uint16)
    signed = picture((grey.astype(np.int16) - 2000).view(np.uint16), PixelRepresentation=1)
    whole_numbers = {"RescaleSlope": "1", "RescaleIntercept": "-1024"}
    dark = {"PhotometricInterpretation": "MONOCHROME1", "BitsStored": 12, "HighBit": 11}
    cases = {
        "rescaled": (picture(grey, **whole_numbers), np.int32, grey.astype(int) - 1024),
        "fractions": (
            picture(grey, RescaleSlope="0.5", RescaleIntercept="0"),
            np.float32,
            grey / 2,
        ),
        "signed": (signed, np.int16, grey.astype(int) - 2000),
        "turned": (picture(grey, **dark, **whole_numbers), np.int16, 4095 - grey - 1024.0),
    }
    for name, (image, dtype, wanted) in cases.items():
        scan = taken(tmp_path / name, image)
        assert (scan.dtype, whole(scan).dtype) == (dtype, dtype), name  # type: ignore[comparison-overlap]
        np.testing.assert_array_equal(whole(scan)[0], wanted)
        write_volume(tmp_path / f"{name}.nii", scan)
        shown = np.asarray(nibabel.load(tmp_path / f"{name}.nii").dataobj)
        np.testing.assert_array_equal(shown[..., 0].T[::-1], wanted)


def test_palette_and_ybr_become_rgb() -> None:
    for name, shape in (
        ("examples_palette.dcm", (3, 350, 800)),
        ("SC_rgb_jpeg.dcm", (3, 256, 256)),
    ):
        scan = open_scan(pydicom_file(name))
        assert whole(scan).shape == scan.shape == shape
        assert whole(scan).dtype == scan.dtype
