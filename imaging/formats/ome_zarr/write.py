"""Writes masks as OME-Zarr label images, one chunk at a time, with smaller copies."""

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from imaging.box import boxes
from imaging.errors import BadRequest
from imaging.formats.atomic import raising_storage_full, replacing
from imaging.formats.label_map import label_dtype
from imaging.formats.ome_zarr.axes import DIRECTIONS
from imaging.formats.ome_zarr.read import is_ome_zarr
from imaging.formats.pyramid import levels
from imaging.geometry import orientation
from imaging.scan import Scan

_CHUNK = {2: 1024, 3: 128}
"""Dimension -> edge of a chunk."""
_SUPERIOR = 2
"""The axis of RAS+ space that points to the head."""
_ORIENTATIONS = {direction: name for name, direction in DIRECTIONS.items()}


def write_ome_zarr(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes a mask as an OME-Zarr label image (NGFF 0.4): a folder, or a zip for an ending .zip.

    The mask of an OME-Zarr scan keeps the scan's axes. That of any other volume is written in the
    order z, y, x, towards superior, posterior and left, as in DICOM. An oblique volume loses its
    angle, which NGFF 0.4 cannot express. `path` appears complete or not at all. Raises BadRequest
    where `path` is a folder of any other kind.
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
    import numcodecs  # lazily: with zarr it takes a quarter of a second
    import zarr

    compressor = numcodecs.Blosc(cname="zstd", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE)
    dtype = label_dtype(mask)
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    view, axes = _image(mask, scan) if mask.ndim == 2 else _volume(mask, scan)
    datasets = []
    for level, (copy, factors) in enumerate(levels(view)):
        array = group.create_array(
            str(level),
            shape=copy.shape,
            dtype=dtype,
            chunks=tuple(min(_CHUNK[mask.ndim], n) for n in copy.shape),
            chunk_key_encoding={"name": "v2", "separator": "/"},
            compressors=compressor,
        )
        for box in boxes(copy.shape, array.chunks):
            array[box.slices] = copy[box.slices].astype(dtype)
        steps = [axis.mm * factor for axis, factor in zip(axes, factors, strict=True)]
        transformations = [
            {"type": "scale", "scale": steps},
            {"type": "translation", "translation": [axis.first_mm for axis in axes]},
        ]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    multiscale: dict[str, Any] = {"version": "0.4", "name": "mask"}
    multiscale |= {"axes": [axis.metadata for axis in axes], "datasets": datasets}
    group.attrs["multiscales"] = [multiscale]
    group.attrs["image-label"] = {"version": "0.4"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of the label image."""

    name: str
    mm: float
    first_mm: float = 0.0
    """Position of the first voxel along the axis' own direction."""
    orientation: str | None = None
    """As in DIRECTIONS; None for an image."""
    measured: bool = True
    """Whether `mm` is known; if not, it is 1 pixel."""

    @property
    def metadata(self) -> dict[str, Any]:
        axis: dict[str, Any] = {"name": self.name, "type": "space"}
        if self.measured:
            axis["unit"] = "millimeter"
        if self.orientation:
            axis["orientation"] = {"type": "anatomical", "value": self.orientation}
        return axis


def _image(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], list[_Axis]]:
    known = scan.spacing_mm is not None
    spacing = scan.spacing_mm or (1.0, 1.0)
    return mask, [_Axis(n, mm, measured=known) for n, mm in zip("yx", spacing, strict=True)]


def _volume(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], list[_Axis]]:
    """A view of the mask, and its axes, named z, y, x."""
    world_of = {stored: world for world, stored in enumerate(orientation(scan.affine)[0])}
    own = scan.format == "ome-zarr"
    order = (0, 1, 2) if own else sorted(world_of, key=lambda stored: -world_of[stored])
    axes, flips = [], []
    for name, stored in zip("zyx", order, strict=True):
        world, n = world_of[stored], scan.grid[stored]
        along = bool(scan.affine[world, stored] > 0)
        flip = not own and along != (world == _SUPERIOR)
        first = np.zeros(4)
        first[3], first[stored] = 1.0, n - 1 if flip else 0
        sign = 1.0 if along != flip else -1.0
        first_mm = sign * float(scan.affine[world] @ first)
        mm = float(np.linalg.norm(scan.affine[:3, stored]))
        axes.append(_Axis(name, mm, first_mm, _ORIENTATIONS[world, sign]))
        flips.append(slice(None, None, -1 if flip else 1))
    return np.transpose(mask, order)[tuple(flips)], axes


def pack(folder: Path, path: Path) -> None:
    """Writes the folder's files, which are compressed already, into a zip without times."""
    with replacing(path) as file, ZipFile(file, "w", ZIP_STORED) as archive:
        for member in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(ZipInfo(str(member.relative_to(folder))), member.read_bytes())
