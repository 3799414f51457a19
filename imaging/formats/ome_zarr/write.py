"""Writes masks as OME-Zarr label images, one chunk at a time, with smaller copies."""

import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import boxes
from imaging.errors import BadRequest
from imaging.formats.atomic import raising_storage_full
from imaging.formats.label_map import label_dtype
from imaging.formats.ome_zarr.axes import DIRECTIONS, SpatialAxis
from imaging.formats.ome_zarr.read import ZarrVoxels, is_ome_zarr
from imaging.formats.ome_zarr.save import Level, pack, save_image
from imaging.formats.pyramid import levels
from imaging.orientation import orientation
from imaging.scan import Scan

_CHUNK = {2: 1024, 3: 128}
"""Dimension -> edge of a chunk."""
_UNIT = "millimeter"
_SUPERIOR = 2
"""The axis of RAS+ space that points to the head."""
_ORIENTATIONS = {direction: name for name, direction in DIRECTIONS.items()}


def write_ome_zarr(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes a mask as an OME-Zarr label image (NGFF 0.4): a folder, or a zip for an ending .zip.

    The mask of an OME-Zarr scan keeps the scan's axes, with their numbers and units. That of any
    other volume is written in the order z, y, x, towards superior, posterior and left, as in DICOM.
    An oblique volume loses its angle, which NGFF 0.4 cannot express. `path` appears complete or not
    at all. Raises BadRequest where `path` is a folder of any other kind.
    """
    if path.is_dir() and not is_ome_zarr(path):
        raise BadRequest(
            f"{path.name} is an existing folder that is not an OME-Zarr.",
            expected="A new name, or the name of an OME-Zarr to replace.",
            hint="Give another name, or move the folder away.",
        )
    part, old = (path.with_name(f".{word}-{secrets.token_hex(8)}") for word in ("part", "old"))
    try:
        with raising_storage_full():
            _write_group(part, mask, scan)
            if path.suffix == ".zip":
                pack(part, path)
                return
            if path.exists():
                path.rename(old)
            part.rename(path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left in (part, old):
            if left.is_file():
                left.unlink()
            shutil.rmtree(left, ignore_errors=True)


def _write_group(folder: Path, mask: NDArray[Any], scan: Scan) -> None:
    view, space = _image(mask, scan) if mask.ndim == 2 else _volume(mask, scan)
    save_image(folder, label_dtype(mask), space, _levels(view), {"image-label": {"version": "0.4"}})


def _levels(view: NDArray[Any]) -> Iterator[Level]:
    for copy, factors in levels(view):
        chunks = tuple(min(_CHUNK[view.ndim], n) for n in copy.shape)
        regions = ((box, copy[box.slices]) for box in boxes(copy.shape, chunks))
        yield Level(copy.shape, chunks, tuple(factors), regions)


def _image(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], Sequence[SpatialAxis]]:
    if isinstance(scan.reader, ZarrVoxels):
        return mask, scan.reader.image.space
    if scan.spacing_mm is None:
        return mask, [SpatialAxis(name, 1.0) for name in "yx"]
    return mask, [
        SpatialAxis(name, mm, unit=_UNIT) for name, mm in zip("yx", scan.spacing_mm, strict=True)
    ]


def _volume(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], Sequence[SpatialAxis]]:
    """A view of the mask, and its axes, named z, y, x."""
    if isinstance(scan.reader, ZarrVoxels):
        return mask, scan.reader.image.space
    world_of = {stored: world for world, stored in enumerate(orientation(scan.affine)[0])}
    order = sorted(world_of, key=lambda stored: -world_of[stored])
    axes, flips = [], []
    for name, stored in zip("zyx", order, strict=True):
        world, n = world_of[stored], scan.grid[stored]
        along = bool(scan.affine[world, stored] > 0)
        flip = along != (world == _SUPERIOR)
        first = np.zeros(4)
        first[3], first[stored] = 1.0, n - 1 if flip else 0
        sign = 1.0 if along != flip else -1.0
        first_mm = sign * float(scan.affine[world] @ first)
        mm = float(np.linalg.norm(scan.affine[:3, stored]))
        axes.append(SpatialAxis(name, mm, first_mm, _UNIT, _ORIENTATIONS[world, sign]))
        flips.append(slice(None, None, -1 if flip else 1))
    return np.transpose(mask, order)[tuple(flips)], axes
