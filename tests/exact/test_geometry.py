"""One oblique, anisotropic scan stored in all 48 axis orders and flips: one mask in the world."""

from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from imaging.formats.dicom.series import Series
from imaging.formats.incoming import incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from inference.engine import Engine
from inference.options import RunOptions
from models.registry import Registry
from tests.support.convolutions import network
from tests.support.dicom.files import classic, write

pytestmark = pytest.mark.slow

SPACING = (1.3, 0.8, 1.1)
SHAPE = (34, 71, 43)
ORDERS = list(product(permutations(range(3)), product((1, -1), repeat=3)))


@pytest.fixture(scope="module")
def oblique(template: nibabel.Nifti1Image) -> nibabel.Nifti1Image:
    """The template around the left hippocampus on an oblique, anisotropic grid of 34 x 71 x 43."""
    a, b = np.deg2rad([17.0, -9.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag(SPACING)
    affine[:3, 3] = np.array([-27.0, -22, -15]) - affine[:3, :3] @ (np.array(SHAPE) / 2)
    to_template = np.linalg.inv(template.affine) @ affine
    values = affine_transform(
        template.get_fdata(), to_template[:3, :3], to_template[:3, 3], SHAPE, order=1
    )
    return nibabel.Nifti1Image(values.astype(np.float32), affine)


def stored(image: nibabel.Nifti1Image, order: tuple[int, ...], signs: tuple[int, ...]) -> Any:
    """The same scan with its axes permuted and flipped."""
    step = np.stack([np.array(order), np.array(signs)], axis=1)
    return image.as_reoriented(step)


def in_the_world(mask: nibabel.Nifti1Image, grid: nibabel.Nifti1Image) -> NDArray[np.integer]:
    """The labels at the world positions of every voxel of `grid`, through the mask's own affine."""
    voxels = np.indices(grid.shape).reshape(3, -1)
    there = np.linalg.inv(mask.affine) @ grid.affine @ np.vstack([voxels, np.ones(voxels.shape[1])])
    nearest = np.round(there[:3]).astype(int)
    assert np.abs(there[:3] - nearest).max() < 1e-3
    return np.asarray(mask.dataobj)[tuple(nearest)].reshape(grid.shape)


def test_the_mask_does_not_depend_on_how_the_scan_is_stored(
    oblique: nibabel.Nifti1Image, tmp_path: Path, cache: Path
) -> None:
    """Of a network without any symmetry, for which the scan is resampled."""
    card = network(tmp_path / "models" / "any", "any", 4)
    at_one_mm = card.model_copy(update={"spacing_mm": (1.0, 1.0, 1.0)})
    at_one_mm.save(tmp_path / "models" / "any" / "card.json")
    engine, seen, reference = Engine(Registry(tmp_path / "models"), cache=cache), 0, None
    for number, (order, signs) in enumerate(ORDERS):
        image = stored(oblique, order, signs)
        path = tmp_path / f"{number}.nii"
        nibabel.save(image, path)
        options = RunOptions(precision="fp32")
        made = engine.segment({"image": path}, "any", tmp_path / "out", options)
        mask = nibabel.load(made.mask)
        saved = nibabel.load(path)
        assert mask.shape == saved.shape
        np.testing.assert_array_equal(mask.affine, saved.affine)
        labels = in_the_world(mask, oblique)
        reference = labels if reference is None else reference
        np.testing.assert_array_equal(labels, reference)
        seen += 1
    assert seen == 48
    assert reference is not None
    assert np.bincount(reference.ravel()).min() > 1000


ACQUIRED = [
    (name, plane, direction)
    for name, plane in (("axial", (0, 1, 2)), ("coronal", (0, 2, 1)), ("sagittal", (1, 2, 0)))
    for direction in (1, -1)
]


def test_the_mask_does_not_depend_on_how_the_patient_was_sliced(
    oblique: nibabel.Nifti1Image, tmp_path: Path, cache: Path
) -> None:
    """Axial, coronal and sagittal DICOM series, slices in both directions: one mask in the world,
    and on each original image the very pixels of that mask."""
    whole = np.round(oblique.get_fdata() * (1000 / oblique.get_fdata().max()))
    rounded = nibabel.Nifti1Image(whole.astype(np.int16), oblique.affine)
    engine, reference = Engine(Registry(), cache=cache), None
    for name, plane, direction in ACQUIRED:
        image = stored(rounded, tuple(np.argsort(plane).tolist()), (1, -1, direction))
        sent = write(
            classic(np.asarray(image.dataobj), image.affine), tmp_path / f"{name}{direction}"
        )
        (scan,), _ = incoming_scans(sent, tmp_path / f"{name}{direction}", Limits())
        options = RunOptions(precision="fp32")
        made = engine.segment({"t1": scan.path}, "hippocampus-mri-3d", tmp_path / "out", options)
        mask = nibabel.load(made.mask)
        labels = in_the_world(mask, oblique)
        reference = labels if reference is None else reference
        np.testing.assert_array_equal(labels, reference)
        check_planes(open_scan(scan.path), np.asarray(mask.dataobj), reference, oblique)
    assert reference is not None
    millilitres = np.abs(np.linalg.det(oblique.affine)) / 1000
    assert 1.0 < np.count_nonzero(reference > 0) * millilitres < 8.0  # a hippocampus, not noise


def check_planes(
    scan: Scan, mask: NDArray[np.integer], reference: NDArray[np.integer], grid: nibabel.Nifti1Image
) -> None:
    """Each plane of the mask, put by its image's own header, has the reference's labels."""
    assert isinstance(scan.source, Series)
    planes = scan.source.planes()
    for header, plane in zip(planes.headers, scan.source.on_planes(mask), strict=True):
        cosines = np.array(header.ImageOrientationPatient, float)
        down, along = (float(n) for n in header.PixelSpacing)
        r, c = np.indices(plane.shape)
        lps = np.array(header.ImagePositionPatient, float)
        place = (lps + c[..., None] * along * cosines[:3] + r[..., None] * down * cosines[3:]) * [
            -1,
            -1,
            1,
        ]
        voxel = (place - grid.affine[:3, 3]) @ np.linalg.inv(grid.affine[:3, :3]).T
        nearest = np.round(voxel).astype(int)
        assert np.abs(voxel - nearest).max() < 1e-3
        np.testing.assert_array_equal(plane, reference[tuple(np.moveaxis(nearest, -1, 0))])
