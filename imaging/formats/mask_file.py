"""Writes, reads and converts mask files, in the format that the file name's ending stands for."""

import shutil
import time
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imaging.box import blocks
from imaging.errors import BadRequest
from imaging.formats import registry
from imaging.formats.atomic import replacing
from imaging.formats.format import MaskFormat, Segmentation
from imaging.formats.label_map import from_upright
from imaging.formats.limits import UNLIMITED
from imaging.formats.sniff import open_scan
from imaging.large_arrays import large_zeros
from imaging.mask_description import MaskDescription
from imaging.scan import Scan

_BLOCK_VOXELS = 1 << 22


def write(
    path: Path,
    mask: NDArray[Any],
    scan: Scan,
    description: MaskDescription | None = None,
    made_at: float | None = None,
    target: MaskFormat | None = None,
) -> None:
    """Writes `mask`, of shape scan.grid, in the format `target`; None: that of the path's ending.

    A volume's NIfTI has its scan's shape and affine; an image's is on the grid of `write_volume`.
    `description` is for formats that need it; `made_at`: seconds since the epoch, None for now.
    Raises BadRequest where the format cannot hold the mask, or needs another scan or a description.
    """
    target = target or registry.mask_format_of(path.name)
    if target is None:
        raise BadRequest(
            "The name of the mask file does not end like a mask file.",
            expected=f"A name that ends in {', '.join(mask_endings())}.",
        )
    if target.needs_description and description is None:
        raise BadRequest(
            "The meaning of the mask's label numbers is unknown.",
            expected=f"The model that made the mask, for the format {target.name}.",
            hint="Choose a format without label names, such as nifti or nrrd.",
        )
    when = time.time() if made_at is None else made_at
    target.write(path, Segmentation(mask, scan, description, made_at=when))


def mask_endings() -> list[str]:
    """All endings of mask files."""
    return [ending for one in registry.MASK_FORMATS for ending in one.endings]


def read(path: Path, dimension: int | None = None, scratch: Path | None = None) -> NDArray[Any]:
    """The label numbers of a mask file, of its scan's spatial shape.

    `dimension`: that of the scan. An image's NIfTI mask (dimension 2), upright for a viewer as
    `write_mask_volume` writes it, is returned as (row, column); without `dimension`, as it is in
    the file. `scratch`: a folder for arrays that do not fit into memory.
    """
    stored = open_scan(path, UNLIMITED, scratch)
    mask = large_zeros(stored.grid, stored.dtype, scratch)
    for box in blocks(stored.grid, _BLOCK_VOXELS):
        mask[box.slices] = stored.read(box)[0]
    return from_upright(mask) if dimension == 2 and mask.ndim == 3 else mask


def deliver(
    stored: Path,
    scan: Path,
    path: Path,
    description: MaskDescription | None = None,
    target: MaskFormat | None = None,
) -> None:
    """Copies a stored mask to `path`, converted if the ending differs; complete or not at all.

    `description` is for formats that need it. `target` is the format; None: that of the ending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if registry.mask_ending(path.name) == registry.mask_ending(stored.name):
        with replacing(path) as copy, stored.open("rb") as source:
            shutil.copyfileobj(source, copy)
        return
    opened = open_scan(scan, UNLIMITED)
    write(path, read(stored, opened.dimension, path.parent), opened, description, target=target)
