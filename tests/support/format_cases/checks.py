"""What cases compare."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imaging.box import Box
from imaging.scan import Scan
from tests.support.format_cases.case import Check

Array = NDArray[Any]


def spacing_is(*mm: float) -> Check:
    """The voxel size; no number: the scan has none."""

    def check(scan: Scan, _path: Path) -> None:
        assert scan.spacing_mm == (pytest.approx(mm, rel=1e-6) if mm else None)

    return check


def volume_of(read: Callable[[Path], tuple[Array, Array]]) -> Check:
    """Voxels (i, j, k) and affine to RAS+ mm, as another library reads them."""

    def check(scan: Scan, path: Path) -> None:
        voxels, affine = read(path)
        assert np.array_equal(scan.read(Box.whole(scan.grid))[0], voxels)
        assert np.allclose(scan.affine, affine, atol=1e-4)

    return check


def image_of(read: Callable[[Path], Array], atol: float = 0) -> Check:
    """Pixels (row, column) or (row, column, sample), as another library reads them."""

    def check(scan: Scan, path: Path) -> None:
        pixels = read(path)
        seen = np.moveaxis(scan.read(Box.whole(scan.grid)), 0, -1)
        assert seen.shape == (*pixels.shape[:2], pixels.size // (seen.shape[0] * seen.shape[1]))
        expected = pixels.reshape(seen.shape)
        assert np.allclose(seen.astype(np.float64), expected.astype(np.float64), rtol=0, atol=atol)

    return check
