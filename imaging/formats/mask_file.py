"""A finished mask in the format that somebody wants."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.box import blocks
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.limits import Limits
from imaging.formats.nifti_write import write_mask_volume
from imaging.formats.nrrd import write_mask_nrrd
from imaging.formats.ome_write import write_ome_tiff, write_ome_zarr
from imaging.formats.png_write import write_mask_png
from imaging.formats.sniff import open_scan
from imaging.large_arrays import large_zeros
from imaging.mask_description import MaskDescription
from imaging.scan import Scan

SUFFIXES = {
    "nifti": ".nii.gz",
    "png": ".png",
    "ome-tiff": ".ome.tif",
    "ome-zarr": ".ome.zarr",
    "nrrd": ".nrrd",
    "dicom-seg": ".seg.dcm",
    "dicom-labelmap": ".labelmap.dcm",
    "dicom-rtstruct": ".rtstruct.dcm",
}
"""Format -> the ending of its files."""
DICOM = ("dicom-seg", "dicom-labelmap", "dicom-rtstruct")
"""Formats that say what the numbers mean, of scans that came as DICOM."""
NATURAL = ("nifti", "png", "ome-tiff")
"""Formats that a mask has by itself."""
ENDINGS = {
    **{ending: form for form, ending in SUFFIXES.items()},
    ".nii": "nifti",
    ".ome.tiff": "ome-tiff",
    ".ome.zarr.zip": "ome-zarr",
}
"""Every ending of a mask's name -> its format."""
_WRITERS: Mapping[str, Callable[[Path, NDArray[Any], Scan], None]] = {
    "nifti": write_mask_volume,
    "png": lambda path, mask, _: write_mask_png(path, mask),
    "ome-tiff": write_ome_tiff,
    "ome-zarr": write_ome_zarr,
    "nrrd": write_mask_nrrd,
}
_READ_VOXELS = 1 << 22
_ANY = Limits(1 << 62, 1 << 62, 1 << 62)
"""Of what was let in already, or made here."""


def ending(name: str) -> str | None:
    """That of a mask's file name, the longest that fits; None for any other."""
    fits = [end for end in ENDINGS if name.endswith(end)]
    return max(fits, key=len, default=None)


def write(
    path: Path,
    mask: NDArray[Any],
    scan: Scan,
    description: MaskDescription | None = None,
    made_at: float | None = None,
) -> None:
    """Writes `mask`, of the scan's spatial shape, as the path's ending says (see ENDINGS).

    A volume's NIfTI has its scan's shape and affine; a picture's lies on `write_volume`'s grid.
    DICOM formats need `description`; `made_at`: seconds since the epoch, now if None. Raises
    BadRequest for a volume as a picture, and for DICOM of what is none.
    """
    form = ENDINGS[str(ending(path.name))]
    if form not in DICOM:
        return _WRITERS[form](path, mask, scan)
    if description is None:
        raise BadRequest(
            "Nothing is known of what the mask's numbers mean.",
            expected="The model that made the mask, for DICOM results.",
            hint="Fetch the mask as nifti or nrrd.",
        )
    from imaging.formats.dicom.objects import write_object  # loads for a second

    when = time.time() if made_at is None else made_at
    return write_object(path, form, mask, scan, description, None, when)


def read(path: Path, dimension: int | None = None, scratch: Path | None = None) -> NDArray[Any]:
    """The label numbers of a mask file, of its scan's spatial shape.

    `dimension`: the scan's. A picture's NIfTI mask (dimension 2), upright for a viewer as
    `write_mask_volume` leaves it, comes back as (row, column); without it, as it lies in the file.
    `scratch`: a folder for what memory cannot hold.
    """
    stored = open_scan(path, _ANY, scratch)
    mask = large_zeros(stored.grid, stored.dtype, scratch)
    for box in blocks(stored.grid, _READ_VOXELS):
        mask[box.slices] = stored.read(box)[0]
    if dimension == 2 and mask.ndim == 3:
        return mask[..., 0].T[::-1]
    return mask


def deliver(
    stored: Path, scan: Path, path: Path, description: MaskDescription | None = None
) -> None:
    """Puts a stored mask at `path`, converted where the ending asks for it; whole or not at all.

    `description`: for DICOM formats.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if ending(path.name) == ending(stored.name):
        with replacing(path) as target, stored.open("rb") as source:
            shutil.copyfileobj(source, target)
        return
    opened = open_scan(scan, _ANY)
    write(path, read(stored, opened.dimension, path.parent), opened, description)
