"""A finished mask in the format that somebody wants."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.atomic import replacing
from imaging.formats.nifti_write import write_mask, write_mask_volume
from imaging.formats.raster import write_mask_png
from imaging.formats.sniff import open_scan
from imaging.scan import Scan

SUFFIXES = {"nifti": ".nii.gz", "png": ".png"}
"""Format -> the ending of its files."""


def write(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes `mask`, of the scan's spatial shape, as the path's ending says (.nii, .nii.gz, .png).

    A volume's NIfTI has its scan's shape and affine; a picture's lies on `write_volume`'s grid.
    Raises BadRequest for a volume as PNG.
    """
    if path.name.endswith(SUFFIXES["png"]):
        if scan.dimension == 3:
            raise BadRequest(
                "A volume's mask cannot be a PNG.",
                expected="Format nifti for a volume.",
                todo="Ask for nifti; preview.png is a picture of it.",
            )
        write_mask_png(path, mask)
    elif scan.dimension == 3:
        write_mask(path, mask, scan)
    else:
        write_mask_volume(path, mask, scan)


def read(path: Path, dimension: int | None = None) -> NDArray[Any]:
    """The label numbers of a mask file, of its scan's spatial shape.

    `dimension`: the scan's. A picture's NIfTI mask (dimension 2), upright for a viewer as
    `write_mask_volume` leaves it, comes back as (row, column); without it, as it lies in the file.
    """
    stored = open_scan(path)
    mask = np.asarray(stored.read(Box.whole(stored.grid))[0])
    if dimension == 2 and mask.ndim == 3:
        return mask[..., 0].T[::-1]
    return mask


def deliver(stored: Path, scan: Path, path: Path) -> None:
    """Puts a stored mask at `path`, converted where the ending asks for it; whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(stored.name.removeprefix("mask")):
        with replacing(path) as target, stored.open("rb") as source:
            shutil.copyfileobj(source, target)
        return
    opened = open_scan(scan)
    write(path, read(stored, opened.dimension), opened)
