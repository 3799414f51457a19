"""Reads OME-Zarr images: NGFF 0.4 over Zarr 2 and 0.5 over Zarr 3, a folder or a zip of one.

Axes are named; their order is t, c, z, y, x with any but y and x left out. The image at full
resolution, the first dataset of the first multiscale, is read by region.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box, boxes
from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.archive import entries
from imaging.formats.limits import Limits
from imaging.large_arrays import large_zeros
from imaging.lazy import lazy
from imaging.scan import Scan

_ROOTS = ("zarr.json", ".zgroup")
"""What lies in the folder of a group, in Zarr 3 and in Zarr 2."""
_SERVED = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
_MM = {
    "nanometer": 1e-6,
    "micrometer": 1e-3,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "meter": 1000.0,
}
_LPS = {"x": "right-to-left", "y": "anterior-to-posterior", "z": "inferior-to-superior"}
"""How an axis lies where the file does not say: as in ITK's and DICOM's world."""
TOWARDS = {
    "left-to-right": (0, 1.0),
    "right-to-left": (0, -1.0),
    "posterior-to-anterior": (1, 1.0),
    "anterior-to-posterior": (1, -1.0),
    "inferior-to-superior": (2, 1.0),
    "superior-to-inferior": (2, -1.0),
}
"""NGFF RFC-4's words: the axis of the RAS+ world, and whether the voxel's axis runs along it."""
_MOST_CHUNKS = 1 << 20
"""More would take longer to find than to unpack."""
_PART_VALUES = 1 << 22
_NEAR = 128
"""Edge of the regions that are usually read, in voxels."""
_WASTE = 4
"""How many times a region's voxels may be decoded for it; beyond, all is unpacked once."""


@dataclass(frozen=True, slots=True)
class _Image:
    """What the metadata tell of the image at full resolution."""

    array: Any
    axes: tuple[str, ...]
    """Names, in the array's order."""
    spatial: tuple[str, ...]
    """Of the scan's grid: y, x and, of a volume, z."""
    components: int
    spacing_mm: tuple[float, ...] | None
    affine: NDArray[np.float64]
    warnings: tuple[str, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(self.array.shape[self.axes.index(name)] for name in self.spatial)


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder, or a zip, holds a Zarr group."""
    if path.is_dir():
        return any((path / name).is_file() for name in _ROOTS)
    try:
        return _root(path) is not None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with a zip, it is no OME-Zarr
        return False


def open_ome_zarr(path: Path, limits: Limits, scratch: Path | None = None) -> Scan:
    """The image at `path`; reads metadata only.

    `scratch`: a folder where an image of flat chunks is unpacked when it is first read. Raises
    UnreadableScan, UnsupportedScan or ScanTooLarge.
    """
    with _sound():
        image = _image(path)
        array, grid = image.array, image.grid
        size = prod(array.shape) * array.dtype.itemsize
        if len(grid) == 3:
            limits.check_volume(prod(grid), size)
        limits.check_bytes(size)
        limits.check_piece(prod(array.shards or array.chunks))
        count = prod(ceil(n / chunk) for n, chunk in zip(array.shape, array.chunks, strict=True))
        if count > _MOST_CHUNKS:
            raise _unsupported(
                f"The image lies in {count:,} chunks.", f"At most {_MOST_CHUNKS:,}, larger ones."
            )
    return Scan(
        shape=(image.components, *grid),
        dtype=array.dtype.newbyteorder("="),
        affine=image.affine,
        spacing_mm=image.spacing_mm,
        format="ome-zarr",
        reader=_Pixels(image, scratch),
        stored_shape=grid,
        warnings=image.warnings,
    )


def verify_ome_zarr(path: Path, limits: Limits) -> Scan:
    """As open_ome_zarr, and decodes every chunk, holding a few at a time."""
    scan = open_ome_zarr(path, limits)
    with _sound():
        array = _image(path).array
        for part in _parts(array):
            array[part.slices]
    return scan


class _Pixels:
    """Box -> (c, *box.shape)."""

    def __init__(self, image: _Image, scratch: Path | None) -> None:
        self._image = image
        self._source = lazy(
            partial(_unpacked, image.array, scratch) if _flat(image) else self._lies
        )

    def __call__(self, box: Box) -> NDArray[Any]:
        image = self._image
        with _sound():
            source = self._source()
            where = dict(zip(image.spatial, box.slices, strict=True))
            place = tuple(where.get(name, slice(None) if name == "c" else 0) for name in image.axes)
            values = np.asarray(source[place]).reshape(image.components, *box.shape)
        return values.astype(values.dtype.newbyteorder("="), copy=False)

    def _lies(self) -> Any:
        return self._image.array


def _unpacked(array: Any, scratch: Path | None) -> NDArray[Any]:
    out = large_zeros(array.shape, array.dtype, scratch)
    for part in _parts(array):
        out[part.slices] = array[part.slices]
    return out


def _flat(image: _Image) -> bool:
    """Whether most of what the chunks of a usual region hold lies outside of it."""
    chunks = [image.array.chunks[image.axes.index(name)] for name in image.spatial]
    reach = [min(_NEAR, n) for n in image.grid]
    read = prod(
        min(n, ceil(edge / chunk + 0.5) * chunk)
        for n, edge, chunk in zip(image.grid, reach, chunks, strict=True)
    )
    return read > _WASTE * prod(reach)


def _parts(array: Any) -> Iterator[Box]:
    """Boxes of whole chunks that cover the array, of a few million values or one chunk."""
    edges = list(array.shards or array.chunks)
    for axis in reversed(range(len(edges))):
        while edges[axis] < array.shape[axis] and 2 * prod(edges) <= _PART_VALUES:
            edges[axis] *= 2
    return boxes(array.shape, edges)


def _root(path: Path) -> str | None:
    """The outermost group's folder in a zip, '' for the zip itself; None where there is none."""
    parts = (name.rpartition("/") for name in entries(path))
    folders = [folder for folder, _, name in parts if name in _ROOTS]
    return min(folders, key=lambda folder: (folder.count("/") + bool(folder), folder), default=None)


def _image(path: Path) -> _Image:
    import zarr  # takes a quarter of a second, for which other scans do not wait

    from imaging.formats.zarr_store import checked_store, checks

    store = checked_store(path)
    within = "" if path.is_dir() else _root(path) or ""
    group = zarr.open_group(store, path=within, mode="r")
    told: Mapping[str, Any] = dict(group.attrs)
    multiscale = told.get("ome", told).get("multiscales", [None])[0]
    if multiscale is None or not all(isinstance(axis, dict) for axis in multiscale.get("axes", "")):
        raise _unsupported("The Zarr group says nothing of a multiscale image.")
    dataset = multiscale["datasets"][0]
    image = _described(group[dataset["path"]], multiscale, dataset)
    store.checks = checks(image.array)
    if store.checks is None:
        raise _unsupported(
            "The image's chunks are packed in a way that is not known here.",
            expected="Chunks packed by Blosc, Zstandard, gzip or zlib, without filters.",
        )
    return image


def _described(array: Any, multiscale: Mapping[str, Any], dataset: Mapping[str, Any]) -> _Image:
    told = {axis["name"]: axis for axis in multiscale["axes"]}
    axes, sizes = tuple(told), dict(zip(told, array.shape, strict=True))
    if [name for name in "tczyx" if name in told] != list(axes) or not {"y", "x"} <= set(axes):
        raise _unsupported(f"The image's axes are {', '.join(map(repr, axes))}.")
    if min(array.shape) < 1 or array.dtype.name not in _SERVED:
        raise _unsupported(f"The image is empty, or of the kind {array.dtype.name}.")
    solid, components = sizes.get("z", 1) > 1, sizes.get("c", 1)
    coloured = array.dtype.name in ("uint8", "uint16") and not solid
    if sizes.get("t", 1) > 1 or components not in ((1, 3) if coloured else (1,)):
        raise _unsupported(f"The image has the shape {dict(sizes)}.")
    spatial = ("z", "y", "x") if solid else ("y", "x")
    steps, offsets = _placed(axes, multiscale, dataset)
    scales = {name: _MM.get(told[name].get("unit", ""), 0.0) for name in spatial}
    warnings = []
    if solid and not all(scales.values()):
        warnings.append("The file gives no unit of length; millimetres were taken.")
        scales = dict.fromkeys(spatial, 1.0)
    spacing = tuple(steps[name] * scales[name] for name in spatial)
    affine = np.eye(4)
    if solid:
        towards = {name: _towards(told[name]) for name in spatial}
        if not all(value in TOWARDS for value in towards.values()):
            warnings.append("The file does not say how its axes lie; x, y, z were taken as LPS.")
            towards = dict(_LPS)
        mm = {name: offsets[name] * scales[name] for name in spatial}
        affine = _affine([towards[name] for name in spatial], spacing, [mm[n] for n in spatial])
    return _Image(
        array=array,
        axes=axes,
        spatial=spatial,
        components=components,
        spacing_mm=spacing if all(spacing) else None,
        affine=affine,
        warnings=tuple(warnings),
    )


def _towards(axis: Mapping[str, Any]) -> str:
    """What the file says of how an axis lies in the patient, or nothing."""
    return str((axis.get("orientation") or {}).get("value"))


def _placed(
    axes: tuple[str, ...], multiscale: Mapping[str, Any], dataset: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Size of a voxel and place of the first along each axis, in the axis' own unit."""
    steps, offsets = np.ones(len(axes)), np.zeros(len(axes))
    for told in (dataset, multiscale):
        for change in told.get("coordinateTransformations", ()):
            if change["type"] == "scale":
                factor = np.array(change["scale"], float)
                steps, offsets = steps * factor, offsets * factor
            elif change["type"] == "translation":
                offsets = offsets + np.array(change["translation"], float)
    if not (np.isfinite(steps).all() and np.isfinite(offsets).all() and (steps > 0).all()):
        raise _damaged()
    return (
        {name: float(n) for name, n in zip(axes, steps, strict=True)},
        {name: float(n) for name, n in zip(axes, offsets, strict=True)},
    )


def _affine(
    towards: list[str], spacing: tuple[float, ...], offset: list[float]
) -> NDArray[np.float64]:
    affine = np.zeros((4, 4))
    affine[3, 3] = 1.0
    for axis, (word, mm, first) in enumerate(zip(towards, spacing, offset, strict=True)):
        world, sign = TOWARDS[word]
        affine[world, axis] = sign * mm
        affine[world, 3] = sign * first
    if np.linalg.det(affine) == 0:
        raise _unsupported("Two axes of the image lie along the same line.")
    return affine


@contextlib.contextmanager
def _sound() -> Iterator[None]:
    """Turns whatever Zarr and its codecs raise on damaged files into UnreadableScan."""
    try:
        yield
    except (TesseraError, MemoryError):
        raise
    except Exception as error:
        raise _damaged() from error


def _damaged() -> UnreadableScan:
    return UnreadableScan(
        "The OME-Zarr image is cut off or damaged.",
        expected="A whole OME-Zarr image, NGFF 0.4 or 0.5: a folder, or a zip of one.",
        hint="Export or copy the image again.",
    )


def _unsupported(
    detail: str,
    expected: str = "An OME-Zarr image, NGFF 0.4 or 0.5, of one time point: a picture, grey or "
    "RGB, or a volume of one channel, in whole numbers or floats.",
) -> UnsupportedScan:
    return UnsupportedScan(
        detail,
        expected=expected,
        hint="Save that part of it as an image of its own.",
    )
