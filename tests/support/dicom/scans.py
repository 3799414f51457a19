"""DICOM volumes that nobody acquired, taken in as an upload is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.box import Box
from imaging.formats.dicom.series import Series
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan
from imaging.scan import Scan
from tests.support.dicom.files import write

LIMITS = Limits()
SHAPE = (11, 9, 7)
PLANES = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}


def turned(a: float = 0.3, b: float = -0.2) -> NDArray[np.float64]:
    """An oblique, anisotropic affine."""
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = about_x @ about_z @ np.diag([0.7, 0.9, 2.5])
    affine[:3, 3] = [-20.25, 30.5, 11]
    return affine


def voxels(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-900, 2000, shape, np.int16)


def taken(folder: Path, *images: Dataset, selection: ScanSelection | None = None) -> Scan:
    """The one scan of these images, written in no order."""
    (one,) = incoming_scans(
        write(images, folder / "sent"), fresh(folder / "packs"), LIMITS, selection
    )[0]
    return open_scan(one.path)


def whole(scan: Scan) -> NDArray[Any]:
    return scan.read(Box.whole(scan.grid))


def fresh(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def at(scan: Scan, world: NDArray[np.float64]) -> NDArray[Any]:
    """Values of the scan's voxels at places (n, 3) in RAS+ mm, which must be voxels' centres."""
    voxel = (world - scan.affine[:3, 3]) @ np.linalg.inv(scan.affine[:3, :3]).T
    nearest = np.round(voxel).astype(int)
    assert np.abs(voxel - nearest).max() < 1e-3
    values: NDArray[Any] = whole(scan)[0][tuple(nearest.T)]
    return values


def centres(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.indices(shape).reshape(3, -1).T @ affine[:3, :3].T + affine[:3, 3]


def source_of(scan: Scan) -> Series:
    assert isinstance(scan.source, Series)
    return scan.source


def along(image: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    turned_ = np.array(image.ImageOrientationPatient, float)
    return np.array(image.ImagePositionPatient, float), np.cross(turned_[:3], turned_[3:])


def without(*places: int) -> Callable[[list[Dataset]], list[Dataset]]:
    return lambda images: [image for k, image in enumerate(images) if k not in places]


def moved(k: int, mm: float) -> Callable[[list[Dataset]], list[Dataset]]:
    def change(images: list[Dataset]) -> list[Dataset]:
        place, normal = along(images[k])
        images[k].ImagePositionPatient = [f"{n:.6f}" for n in place + mm * normal]
        return images

    return change
