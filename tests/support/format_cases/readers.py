"""Files as other libraries read them: voxels (i, j, k) with an affine to RAS+ mm, or pixels."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its users know
import zarr
from numpy.typing import NDArray
from PIL import Image

from tests.support.placed_scans import TO_LPS

Volume = tuple[NDArray[Any], NDArray[Any]]


def by_nibabel(path: Path) -> Volume:
    """From memory, because nibabel does not close an `.mgh`."""
    image: Any = nib.MGHImage if path.suffix in (".mgh", ".mgz") else None
    if image is None:
        image = nib.load(path)
    else:
        data = path.read_bytes()
        image = image.from_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    return np.asanyarray(image.dataobj), image.affine


def by_simpleitk(path: Path) -> Volume:
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).transpose(), TO_LPS @ affine


def by_pynrrd(path: Path) -> Volume:
    """The space must be LPS, or none, which is read as LPS."""
    voxels, header = nrrd.read(str(path))
    affine = np.eye(4)
    directions = header.get("space directions")
    affine[:3, :3] = np.diag(header["spacings"]) if directions is None else np.array(directions).T
    affine[:3, 3] = header.get("space origin", 0)
    return voxels, TO_LPS @ affine


def by_zarr(path: Path) -> NDArray[Any]:
    """The first array of the group."""
    array: Any = zarr.open_group(path, mode="r")["0"]
    values: NDArray[Any] = array[...]
    return values


def by_pillow(path: Path) -> NDArray[Any]:
    """Grey or RGB; a palette is applied, and transparency is left out."""
    with Image.open(path) as image:
        if image.mode in ("1", "L", "I;16"):
            return np.asarray(image.convert("L") if image.mode == "1" else image)
        return np.asarray(image.convert("RGB"))
