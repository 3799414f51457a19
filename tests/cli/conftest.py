"""Scans for the command line."""

from pathlib import Path

import nibabel
import numpy as np
import pytest


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    """A NIfTI file of noise, 30 x 34 x 28 voxels of 1 x 1 x 1.2 mm."""
    path = tmp_path / "subject-1.nii.gz"
    values = np.random.default_rng(0).normal(100, 20, (30, 34, 28)).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([1.0, 1, 1.2, 1])), path)
    return path
