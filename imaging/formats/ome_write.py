"""Writes masks as OME-TIFF and OME-Zarr, a tile or chunk at a time, with smaller copies beside.

The copies, each half as large as the one before, take every second voxel: a label number stays
one. Whole-slide and volume viewers show them when they look from afar.
"""

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import tifffile
from numpy.typing import NDArray

from imaging.box import blocks, boxes
from imaging.errors import BadRequest
from imaging.formats.atomic import raising_storage_full, replacing
from imaging.formats.ome_zarr import TOWARDS, is_ome_zarr
from imaging.geometry import orientation
from imaging.scan import Scan

_TILE = 512
_CHUNK = {2: 1024, 3: 128}
_SMALLEST = 1024
"""No copy is made of what has no longer edge."""
_SPACE = UUID("5f0a1bb6-0e0c-4b8a-9a39-6f2b5b5c7a10")
"""For identifiers that are the same for the same mask."""
_MICROMETRES = 1000.0
_CLASSIC_BYTES = 1 << 31
"""Beyond, a TIFF's 32-bit offsets may not do."""
_SUPERIOR = 2
_WORDS = {place: word for word, place in TOWARDS.items()}


def write_ome_tiff(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes a picture's mask, (row, column), as tiled OME-TIFF; the same mask, the same bytes.

    uint8, uint16 or uint32 by the largest label. Raises BadRequest for a volume, whose place in
    the patient an OME-TIFF cannot tell.
    """
    if mask.ndim != 2:
        raise BadRequest(
            "A volume's mask does not fit an OME-TIFF, which cannot say where it lies.",
            expected="Format nifti or ome-zarr for a volume.",
            hint="Ask for one of these.",
        )
    copies = [copy for copy, _ in _copies(mask)]
    dtype = np.min_scalar_type(int(mask.max(initial=0)))
    told: dict[str, Any] = {"axes": "YX", "Creator": "Tessera"}
    told["UUID"] = f"urn:uuid:{uuid5(_SPACE, f'{_digest(mask)} {scan.spacing_mm}')}"
    for axis, mm in zip("YX", scan.spacing_mm or (), strict=False):
        told |= {f"PhysicalSize{axis}": mm * _MICROMETRES, f"PhysicalSize{axis}Unit": "\u00b5m"}
    options: dict[str, Any] = {
        "tile": (_TILE, _TILE),
        "dtype": dtype,
        "compression": "zlib",
        "photometric": "minisblack",
    }
    big = mask.size * dtype.itemsize >= _CLASSIC_BYTES
    with (
        replacing(path) as file,
        tifffile.TiffWriter(file, bigtiff=big, ome=True) as tiff,
    ):
        for level, copy in enumerate(copies):
            place: dict[str, Any] = (
                {"metadata": told, "subifds": len(copies) - 1} if level == 0 else {}
            )
            tiff.write(
                _tiles(copy, dtype), shape=copy.shape, software=False,
                subfiletype=int(level > 0), **options, **place,
            )  # fmt: skip


def _digest(mask: NDArray[Any]) -> str:
    """Of shape and numbers."""
    found = sha256(f"{mask.shape} {mask.dtype}".encode())
    for box in blocks(mask.shape, _TILE * _TILE):
        found.update(mask[box.slices].tobytes())
    return found.hexdigest()


def _tiles(mask: NDArray[Any], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Row by row of tiles; tifffile fills up the last ones."""
    for row in range(0, mask.shape[0], _TILE):
        for column in range(0, mask.shape[1], _TILE):
            yield mask[row : row + _TILE, column : column + _TILE].astype(dtype)


def write_ome_zarr(path: Path, mask: NDArray[Any], scan: Scan) -> None:
    """Writes a mask as an OME-Zarr label image (NGFF 0.4): a folder, or a zip where `path` is one.

    On the grid of an OME-Zarr scan; of any other volume in the order z, y, x and, as in DICOM's
    world, towards left, posterior and superior. An oblique one loses its angle, which NGFF 0.4
    cannot tell. `path` is whole or not there at all.
    """
    if path.is_dir() and not is_ome_zarr(path):
        raise BadRequest(
            f"{path.name} is a folder already, and no OME-Zarr.",
            expected="A new name, or that of an OME-Zarr to replace.",
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
    import numcodecs  # with zarr it takes a quarter of a second, for which others do not wait
    import zarr

    packer = numcodecs.Blosc(cname="zstd", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE)
    dtype = np.min_scalar_type(int(mask.max(initial=0)))
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    turned, axes = _picture(mask, scan) if mask.ndim == 2 else _volume(mask, scan)
    datasets = []
    for level, (copy, factors) in enumerate(_copies(turned)):
        array = group.create_array(
            str(level),
            shape=copy.shape,
            dtype=dtype,
            chunks=tuple(min(_CHUNK[mask.ndim], n) for n in copy.shape),
            chunk_key_encoding={"name": "v2", "separator": "/"},
            compressors=packer,
        )
        for box in boxes(copy.shape, array.chunks):
            array[box.slices] = copy[box.slices].astype(dtype)
        steps = [axis.mm * factor for axis, factor in zip(axes, factors, strict=True)]
        place = [
            {"type": "scale", "scale": steps},
            {"type": "translation", "translation": [axis.first_mm for axis in axes]},
        ]
        datasets.append({"path": str(level), "coordinateTransformations": place})
    told: dict[str, Any] = {"version": "0.4", "name": "mask"}
    told |= {"axes": [axis.told for axis in axes], "datasets": datasets}
    group.attrs["multiscales"] = [told]
    group.attrs["image-label"] = {"version": "0.4"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of what is written."""

    name: str
    mm: float
    first_mm: float = 0.0
    """Where the first voxel lies, along the axis' own direction."""
    word: str | None = None
    measured: bool = True
    """Whether `mm` is known."""

    @property
    def told(self) -> dict[str, Any]:
        unit = {"unit": "millimeter"} if self.measured else {}
        lies = {"orientation": {"type": "anatomical", "value": self.word}} if self.word else {}
        return {"name": self.name, "type": "space"} | unit | lies


def _picture(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], list[_Axis]]:
    known = scan.spacing_mm is not None
    spacing = scan.spacing_mm or (1.0, 1.0)
    return mask, [_Axis(n, mm, measured=known) for n, mm in zip("yx", spacing, strict=True)]


def _volume(mask: NDArray[Any], scan: Scan) -> tuple[NDArray[Any], list[_Axis]]:
    """A view of the mask, and its axes named z, y, x."""
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
        at = sign * float(scan.affine[world] @ first)
        mm = float(np.linalg.norm(scan.affine[:3, stored]))
        axes.append(_Axis(name, mm, at, _WORDS[world, sign]))
        flips.append(slice(None, None, -1 if flip else 1))
    return np.transpose(mask, order)[tuple(flips)], axes


def _copies(mask: NDArray[Any]) -> Iterator[tuple[NDArray[Any], list[int]]]:
    """The mask and smaller views of it, each with how many voxels one of its own stands for."""
    factors = [1] * mask.ndim
    yield mask, factors
    while max(mask.shape) > _SMALLEST:
        steps = [2 if n > 1 else 1 for n in mask.shape]
        mask = mask[tuple(slice(None, None, step) for step in steps)]
        factors = [factor * step for factor, step in zip(factors, steps, strict=True)]
        yield mask, factors


def pack(folder: Path, path: Path) -> None:
    """A zip of the folder's files, which are packed already, with no times in it."""
    with replacing(path) as file, ZipFile(file, "w", ZIP_STORED) as archive:
        for member in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(ZipInfo(str(member.relative_to(folder))), member.read_bytes())
