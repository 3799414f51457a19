"""Volumes as files of each scan format that states where its voxels lie, by other libraries.

`WRITERS` has an entry for each such format of the registry; a test fails for a format without one.
"""

from collections.abc import Callable, Mapping
from itertools import permutations, product
from pathlib import Path
from typing import Any

import nibabel as nib
import nrrd
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that its users know
import zarr
from nibabel.orientations import apply_orientation, inv_ornt_aff
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tests.support.dicom.files import classic, enhanced, write
from tests.support.dicom.mosaic import mosaic

Array = NDArray[Any]
Affine = NDArray[np.float64]
"""(4, 4): voxel index -> RAS+ mm."""
Writer = Callable[[Path, Array, Affine], Path]
"""Writes int16 voxels (i, j, k) into an empty folder; returns the file or folder to send."""

ORIENTATIONS = [
    np.array(list(zip(order, signs, strict=True)))
    for order in permutations(range(3))
    for signs in product((1, -1), repeat=3)
]
"""All 48 orders and directions of three axes, as nibabel's `ornt` arrays."""
SHAPE = (7, 6, 5)
TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


def labels() -> NDArray[np.int16]:
    """Four labels whose centroids lie in no plane: together they fix every axis and direction."""
    values = np.zeros(SHAPE, np.int16)
    values[0:2, 0:3, 0:2] = 1
    values[4:7, 1:3, 0:1] = 2
    values[1:3, 4:6, 1:4] = 3
    values[3:5, 0:4, 3:5] = 4
    return values


def straight() -> Affine:
    """Anisotropic, with axes along those of RAS+."""
    affine = np.diag([0.7, 1.3, 2.9, 1.0])
    affine[:3, 3] = (-41.5, 12.25, 107.75)
    return affine


def oblique() -> Affine:
    """As `straight`, turned by 34 degrees about an axis that is not one of the grid's."""
    affine = straight()
    turn = Rotation.from_euler("xyz", (17.0, -11.0, 24.0), degrees=True).as_matrix()
    affine[:3, :3] = turn @ affine[:3, :3]
    return affine


def stored_as(values: Array, affine: Affine, ornt: Array) -> tuple[Array, Affine]:
    """The same volume along other axes."""
    stored: Array = np.ascontiguousarray(apply_orientation(values, ornt))
    return stored, affine @ inv_ornt_aff(ornt, values.shape)


def _nifti(folder: Path, values: Array, affine: Affine, form: str, unit: str = "mm") -> Path:
    image = nib.Nifti1Image(values, affine)
    image.header.set_xyzt_units(unit)
    image.set_sform(affine, 1 if form == "sform" else 0)
    image.set_qform(affine, 1 if form == "qform" else 0)
    nib.save(image, folder / "scan.nii")
    return folder / "scan.nii"


def _detached(folder: Path, values: Array, affine: Affine) -> Path:
    own = TO_LPS @ affine
    header = {
        "space": "left-posterior-superior",
        "space directions": own[:3, :3].T,
        "space origin": own[:3, 3],
        "space units": ["mm"] * 3,
    }
    nrrd.write(str(folder / "scan.nhdr"), values, header, detached_header=True)
    return folder


def _mhd(folder: Path, values: Array, affine: Affine) -> Path:
    itk(folder, values, affine, ".mhd")
    return folder


def _mgh(folder: Path, values: Array, affine: Affine) -> Path:
    nib.save(nib.MGHImage(values, affine), folder / "scan.mgz")
    return folder / "scan.mgz"


def _nrrd(folder: Path, values: Array, affine: Affine, space: str, unit: str = "mm") -> Path:
    own = affine if space == "right-anterior-superior" else TO_LPS @ affine
    header = {
        "space": space,
        "space directions": own[:3, :3].T,
        "space origin": own[:3, 3],
        "space units": [unit] * 3,
        "encoding": "raw",
    }
    nrrd.write(str(folder / "scan.nrrd"), values, header)
    return folder / "scan.nrrd"


def _pair(folder: Path, values: Array, affine: Affine) -> Path:
    image = nib.Nifti1Pair(values, affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, 1)
    nib.save(image, folder / "scan.img")
    return folder


def itk(folder: Path, values: Array, affine: Affine, ending: str) -> Path:
    """Written by SimpleITK in the format of the ending."""
    image = sitk.GetImageFromArray(values.T.copy())
    own = TO_LPS @ affine
    spacing = np.linalg.norm(own[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((own[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(own[:3, 3].tolist())
    path = folder / f"scan{ending}"
    sitk.WriteImage(image, str(path))
    return path


def _metaimage(folder: Path, values: Array, affine: Affine) -> Path:
    """SimpleITK writes no unit."""
    path = itk(folder, values, affine, ".mha")
    path.write_bytes(path.read_bytes().replace(b"NDims", b"DistanceUnits = um\nNDims", 1))
    return path


def _um(affine: Affine) -> Affine:
    return np.diag([1000.0, 1000.0, 1000.0, 1.0]) @ affine


def _classic(folder: Path, values: Array, affine: Affine) -> Path:
    write(classic(values, affine), folder)
    return folder


def _enhanced(folder: Path, values: Array, affine: Affine) -> Path:
    (path,) = write([enhanced([values], affine)], folder)
    return path


def _mosaic(folder: Path, values: Array, affine: Affine) -> Path:
    (path,) = write([mosaic(values, affine)], folder)
    return path


_WORDS = (
    ("left-to-right", "right-to-left"),
    ("posterior-to-anterior", "anterior-to-posterior"),
    ("inferior-to-superior", "superior-to-inferior"),
)
"""Orientations of NGFF RFC-4 along each axis of RAS+, and against it."""


def _ome_zarr(folder: Path, values: Array, affine: Affine) -> Path:
    """Each axis has an orientation, a size and a position along it; no angle can be stated."""
    axes: list[dict[str, Any]] = []
    scale, translation = [], []
    for name, column in zip("zyx", affine[:3, :3].T, strict=True):
        world = int(np.abs(column).argmax())
        assert np.count_nonzero(column) == 1
        word = _WORDS[world][int(column[world] < 0)]
        about = {"type": "anatomical", "value": word}
        axes.append({"name": name, "type": "space", "unit": "millimeter", "orientation": about})
        scale.append(float(abs(column[world])))
        translation.append(float(affine[world, 3] * np.sign(column[world])))
    group = zarr.open_group(folder / "scan.zarr", mode="w", zarr_format=2)
    array = group.create_array("0", shape=values.shape, dtype=values.dtype, chunks=values.shape)
    array[...] = values
    steps = [
        {"type": "scale", "scale": scale},
        {"type": "translation", "translation": translation},
    ]
    dataset: Any = {"path": "0", "coordinateTransformations": steps}
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [dataset]}]
    return folder / "scan.zarr"


MICROMETRES = "micrometres"
"""The variant whose numbers are in this unit; other libraries do not convert it."""
WRITERS: Mapping[str, Mapping[str, Writer]] = {
    "nifti": {
        "sform": lambda folder, values, affine: _nifti(folder, values, affine, "sform"),
        "qform": lambda folder, values, affine: _nifti(folder, values, affine, "qform"),
        "pair": _pair,
        MICROMETRES: lambda folder, values, affine: _nifti(
            folder, values, _um(affine), "sform", "micron"
        ),
    },
    "dicom": {"classic": _classic, "enhanced": _enhanced, "mosaic": _mosaic},
    "nrrd": {
        "LPS": lambda folder, values, affine: _nrrd(
            folder, values, affine, "left-posterior-superior"
        ),
        "RAS": lambda folder, values, affine: _nrrd(
            folder, values, affine, "right-anterior-superior"
        ),
        "detached": _detached,
        MICROMETRES: lambda folder, values, affine: _nrrd(
            folder, values, _um(affine), "left-posterior-superior", "um"
        ),
    },
    "metaimage": {
        "ITK": lambda folder, values, affine: itk(folder, values, affine, ".mha"),
        "pair": _mhd,
        MICROMETRES: lambda folder, values, affine: _metaimage(folder, values, _um(affine)),
    },
    "mgh": {"nibabel": _mgh},
    "ome-zarr": {"RFC-4": _ome_zarr},
}
"""Scan format -> variant of the file -> its writer."""
ONLY_STRAIGHT = frozenset({"ome-zarr"})
"""Formats that cannot state an angle, of scans and of masks."""
NO_PLACE: Mapping[str, str] = {"tiff": "A TIFF states no directions in the patient."}
"""Formats of volumes, scans or masks, that state no place, with the reason."""
