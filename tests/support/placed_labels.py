"""Volumes with labels at known places of patient space, in any storage."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import nibabel
import numpy as np
from nibabel.affines import apply_affine
from numpy.typing import NDArray

MIDDLE = np.array([22.0, -14.0, 31.0])
"""RAS+ mm of the middle of every volume here."""
BALLS = {1: ((14.0, 6.0, 5.0), 6.5), 2: ((-12.0, -8.0, -7.0), 5.0)}
"""Label -> centre from the middle, and radius, in mm. No two axes are alike."""
SPOT = ((-13.0, 9.0, 10.0), 2.5)
"""The brightest part of the scan, from the middle."""


@dataclass(frozen=True)
class Labelled:
    """A scan as a NIfTI file, and its mask."""

    scan: bytes
    mask: NDArray[np.uint8]
    affine: NDArray[np.float64]

    def bounds(self, label: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lowest and highest RAS+ mm of the centres of a label's voxels."""
        voxels = np.argwhere(self.mask == label)
        places = apply_affine(self.affine, voxels)
        return places.min(0), places.max(0)

    @property
    def half_voxel(self) -> NDArray[np.float64]:
        """How far a voxel reaches from its centre along each axis of the patient, in mm."""
        reach: NDArray[np.float64] = np.abs(self.affine[:3, :3]).sum(1) / 2
        return reach


def turned(about_z: float, about_x: float) -> NDArray[np.float64]:
    """A rotation by two angles in degrees."""
    a, b = np.radians((about_z, about_x))
    first = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    second = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return second @ first


STORAGES: Mapping[str, tuple[NDArray[np.float64], tuple[float, float, float]]] = {
    "straight": (np.eye(3), (1, 1, 1)),
    "flipped and permuted": (np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]]), (1, 1.5, 1)),
    "oblique and anisotropic": (turned(25, 15) @ np.diag([-1, 1, 1]), (0.8, 1, 3)),
}
"""Name -> directions of the axes (columns), and spacing in mm."""


def labelled(directions: NDArray[np.float64], spacing: tuple[float, float, float]) -> Labelled:
    """A block of tissue of about 56 mm with two labelled balls and a bright spot."""
    shape = tuple(round(56 / mm) for mm in spacing)
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = MIDDLE - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    index = np.moveaxis(np.indices(shape), 0, -1)
    places = apply_affine(affine, index) - MIDDLE
    scan = np.where(np.abs(places).max(-1) < 22, 200, 0).astype(np.int16)
    scan += np.random.default_rng(1).integers(0, 20, shape, dtype=np.int16)
    scan[np.linalg.norm(places - SPOT[0], axis=-1) < SPOT[1]] = 1000
    mask = np.zeros(shape, np.uint8)
    for label, (centre, radius) in BALLS.items():
        mask[np.linalg.norm(places - centre, axis=-1) < radius] = label
    image = nibabel.Nifti1Image(scan, affine)
    image.header.set_xyzt_units("mm")
    file = io.BytesIO(image.to_bytes())
    return Labelled(file.getvalue(), mask, affine)
