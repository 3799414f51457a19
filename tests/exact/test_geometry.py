"""One oblique, anisotropic scan stored in all 48 axis orders and flips: one mask in the world."""

from itertools import permutations, product
from pathlib import Path

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from inference.engine import Engine
from inference.options import RunOptions
from models.registry import Registry

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


def stored(image: nibabel.Nifti1Image, order: tuple[int, ...], signs: tuple[int, ...]):
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
    oblique: nibabel.Nifti1Image, tmp_path: Path
) -> None:
    engine, seen, reference = Engine(Registry()), 0, None
    for number, (order, signs) in enumerate(ORDERS):
        image = stored(oblique, order, signs)
        path = tmp_path / f"{number}.nii"
        nibabel.save(image, path)
        options = RunOptions("cpu", "fp32")
        made = engine.segment({"t1": path}, "hippocampus-mri-3d", tmp_path / "out", options)
        mask = nibabel.load(made.mask)
        saved = nibabel.load(path)
        assert mask.shape == saved.shape
        np.testing.assert_array_equal(mask.affine, saved.affine)
        labels = in_the_world(mask, oblique)
        reference = labels if reference is None else reference
        np.testing.assert_array_equal(labels, reference)
        seen += 1
    assert seen == 48
    litres = np.abs(np.linalg.det(oblique.affine)) / 1000
    assert 1.0 < (reference > 0).sum() * litres < 8.0  # ml: a hippocampus, not noise
