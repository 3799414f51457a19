"""The metadata of an OME-Zarr image: NGFF 0.4 on Zarr 2, and NGFF 0.5 on Zarr 3.

The axes have names; their order is t, c, z, y, x, where all but y and x are optional. The image at
full resolution is the first dataset of the first multiscale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.archive import entries
from imaging.formats.ome_zarr.axes import DIRECTIONS, LENGTHS_MM, LPS

ROOT_FILES = ("zarr.json", ".zgroup")
"""Files of which the folder of a group has one, in Zarr 3 and in Zarr 2."""
_SUPPORTED = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


@dataclass(frozen=True, slots=True)
class ZarrImage:
    """The image at full resolution, and its geometry."""

    array: Any
    axes: tuple[str, ...]
    """Names, in the array's order."""
    spatial: tuple[str, ...]
    """Names of the axes of the scan's grid: y, x, or z, y, x for a volume."""
    components: int
    spacing_mm: tuple[float, ...] | None
    affine: NDArray[np.float64]
    warnings: tuple[str, ...]

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(self.array.shape[self.axes.index(name)] for name in self.spatial)


def root_folder(path: Path) -> str | None:
    """The folder of the outermost group in a zip, '' for the zip itself; None without a group."""
    parts = (name.rpartition("/") for name in entries(path))
    folders = [folder for folder, _, name in parts if name in ROOT_FILES]
    return min(folders, key=lambda folder: (folder.count("/") + bool(folder), folder), default=None)


def read_image(path: Path) -> ZarrImage:
    """The image at `path`; raises UnreadableScan, UnsupportedScan, and whatever zarr raises."""
    import zarr  # lazily: it takes a quarter of a second

    from imaging.formats.ome_zarr.store import checked_store, chunk_checks

    store = checked_store(path)
    within = "" if path.is_dir() else root_folder(path) or ""
    group = zarr.open_group(store, path=within, mode="r")
    attributes: Mapping[str, Any] = dict(group.attrs)
    multiscale = attributes.get("ome", attributes).get("multiscales", [None])[0]
    if multiscale is None or not all(isinstance(axis, dict) for axis in multiscale.get("axes", "")):
        raise unsupported("The Zarr group does not describe a multiscale image.")
    dataset = multiscale["datasets"][0]
    image = _parsed(group[dataset["path"]], multiscale, dataset)
    store.checks = chunk_checks(image.array)
    if store.checks is None:
        raise unsupported(
            "The compression of the image's chunks is not supported.",
            expected="Chunks compressed with Blosc, Zstandard, gzip or zlib, without filters.",
            hint="Save the image again with one of these.",
        )
    return image


def _parsed(array: Any, multiscale: Mapping[str, Any], dataset: Mapping[str, Any]) -> ZarrImage:
    named = {axis["name"]: axis for axis in multiscale["axes"]}
    axes, sizes = tuple(named), dict(zip(named, array.shape, strict=True))
    if [name for name in "tczyx" if name in named] != list(axes) or not {"y", "x"} <= set(axes):
        raise unsupported(f"The image's axes are {', '.join(map(repr, axes))}.")
    if min(array.shape) < 1 or array.dtype.name not in _SUPPORTED:
        raise unsupported(f"The image is empty, or its type {array.dtype.name} is not supported.")
    volume, components = sizes.get("z", 1) > 1, sizes.get("c", 1)
    may_be_rgb = array.dtype.name in ("uint8", "uint16") and not volume
    if sizes.get("t", 1) > 1 or components not in ((1, 3) if may_be_rgb else (1,)):
        raise unsupported(f"The image has the shape {dict(sizes)}.")
    spatial = ("z", "y", "x") if volume else ("y", "x")
    steps, offsets = _transformed(axes, multiscale, dataset)
    scales = {name: LENGTHS_MM.get(named[name].get("unit", ""), 0.0) for name in spatial}
    warnings = []
    if volume and not all(scales.values()):
        warnings.append("The file states no unit of length; millimetres are assumed.")
        scales = dict.fromkeys(spatial, 1.0)
    spacing = tuple(steps[name] * scales[name] for name in spatial)
    affine = np.eye(4)
    if volume:
        directions = {name: _direction(named[name]) for name in spatial}
        if not all(value in DIRECTIONS for value in directions.values()):
            warnings.append(
                "The file does not state how its axes are oriented; x, y, z are assumed to be LPS."
            )
            directions = dict(LPS)
        mm = {name: offsets[name] * scales[name] for name in spatial}
        affine = _affine([directions[name] for name in spatial], spacing, [mm[n] for n in spatial])
    return ZarrImage(
        array=array,
        axes=axes,
        spatial=spatial,
        components=components,
        spacing_mm=spacing if all(spacing) else None,
        affine=affine,
        warnings=tuple(warnings),
    )


def _direction(axis: Mapping[str, Any]) -> str:
    """The stated orientation of an axis; 'None' where the file does not state it."""
    return str((axis.get("orientation") or {}).get("value"))


def _transformed(
    axes: tuple[str, ...], multiscale: Mapping[str, Any], dataset: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Voxel size and position of the first voxel along each axis, in the axis' own unit."""
    steps, offsets = np.ones(len(axes)), np.zeros(len(axes))
    for level in (dataset, multiscale):
        for change in level.get("coordinateTransformations", ()):
            if change["type"] == "scale":
                factor = np.array(change["scale"], float)
                steps, offsets = steps * factor, offsets * factor
            elif change["type"] == "translation":
                offsets = offsets + np.array(change["translation"], float)
    if not (np.isfinite(steps).all() and np.isfinite(offsets).all() and (steps > 0).all()):
        raise damaged()
    return (
        {name: float(n) for name, n in zip(axes, steps, strict=True)},
        {name: float(n) for name, n in zip(axes, offsets, strict=True)},
    )


def _affine(
    directions: list[str], spacing: tuple[float, ...], offset: list[float]
) -> NDArray[np.float64]:
    affine = np.zeros((4, 4))
    affine[3, 3] = 1.0
    for axis, (name, mm, first) in enumerate(zip(directions, spacing, offset, strict=True)):
        world, sign = DIRECTIONS[name]
        affine[world, axis] = sign * mm
        affine[world, 3] = sign * first
    if np.linalg.det(affine) == 0:
        raise unsupported("Two axes of the image have the same orientation.")
    return affine


def damaged() -> UnreadableScan:
    """The error for an OME-Zarr image that is damaged."""
    return UnreadableScan(
        "The OME-Zarr image is cut off or damaged.",
        expected="A complete OME-Zarr image, NGFF 0.4 or 0.5: a folder, or a zip of one.",
        hint="Export or copy the image again.",
    )


def unsupported(
    detail: str,
    expected: str = "An OME-Zarr image, NGFF 0.4 or 0.5, with one time point: an image, grey or "
    "RGB, or a volume with one channel, of integers or floats.",
    hint: str = "Save one time point or channel as an image of its own.",
) -> UnsupportedScan:
    """The error for a valid OME-Zarr of a kind that is not supported."""
    return UnsupportedScan(
        detail,
        expected=expected,
        hint=hint,
    )
