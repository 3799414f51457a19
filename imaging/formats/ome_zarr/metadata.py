"""The metadata of an OME-Zarr image: NGFF 0.1 to 0.4 on Zarr 2, and NGFF 0.5 on Zarr 3.

The axes have names; their order is t, c, z, y, x, where all but y and x are optional. The image at
full resolution is the first dataset of the first multiscale.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.formats.ome_zarr.axes import Geometry, SpatialAxis, geometry_of, parsed_axis
from imaging.formats.ome_zarr.errors import invalid_metadata, unsupported

_SUPPORTED = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
_OLD_AXES = "tczyx"
"""The axes of NGFF 0.1 and 0.2, which do not state them."""
_CHANGES = ("scale", "translation", "identity")
_RGB = ("ff0000", "00ff00", "0000ff")
"""Display colours of the channels of a colour image."""


@dataclass(frozen=True, slots=True, eq=False)
class ZarrImage:
    """The image at full resolution, and its geometry."""

    array: Any
    axes: tuple[str, ...]
    """Names, in the array's order."""
    space: tuple[SpatialAxis, ...]
    """The axes of the scan's grid: y, x, or z, y, x for a volume."""
    geometry: Geometry
    rgb: bool
    """Whether the three channels are the colours of one image."""

    @property
    def spatial(self) -> tuple[str, ...]:
        """Names of the axes of the scan's grid."""
        return tuple(axis.name for axis in self.space)

    @property
    def grid(self) -> tuple[int, ...]:
        return tuple(self.array.shape[self.axes.index(name)] for name in self.spatial)

    @property
    def components(self) -> int:
        return 3 if self.rgb else 1

    @property
    def choices(self) -> dict[str, int]:
        """Axes of which one index is one scan (t, c), with their lengths."""
        names = ("t",) if self.rgb else ("t", "c")
        sizes = dict(zip(self.axes, self.array.shape, strict=True))
        return {name: int(sizes[name]) for name in names if name in sizes}

    @property
    def parts(self) -> int:
        """Number of scans that the image holds."""
        return prod(self.choices.values())

    def index(self, slices: Mapping[str, slice], part: int = 0) -> tuple[Any, ...]:
        """The array's index of a region in part `part` (from 0, the last axis varies fastest)."""
        names = list(self.choices)
        places = np.unravel_index(part, list(self.choices.values())) if names else ()
        chosen = dict(zip(names, map(int, places), strict=True))
        rest = {"c": slice(None)} if self.rgb else {}
        return tuple(({"z": 0} | chosen | rest | dict(slices))[name] for name in self.axes)


def parsed_image(group: Any, attributes: Mapping[str, Any]) -> ZarrImage:
    """The image of a Zarr group; `attributes` are its NGFF metadata.

    Raises UnreadableScan, UnsupportedScan, and whatever zarr raises.
    """
    multiscale = attributes.get("multiscales", [None])[0]
    if multiscale is None:
        raise unsupported("The Zarr group does not describe a multiscale image.")
    dataset = multiscale["datasets"][0]
    array = group[dataset["path"]]
    named = {axis["name"]: axis for axis in map(_entry, multiscale.get("axes") or _OLD_AXES)}
    axes, sizes = tuple(named), dict(zip(named, array.shape, strict=True))
    if [name for name in "tczyx" if name in named] != list(axes) or not {"y", "x"} <= set(axes):
        raise unsupported("The image's axes are not t, c, z, y, x in this order.")
    if min(array.shape) < 1 or array.dtype.name not in _SUPPORTED:
        raise unsupported(f"The image is empty, or its type {array.dtype.name} is not supported.")
    volume = sizes.get("z", 1) > 1
    steps, offsets = _transformed(axes, multiscale, dataset)
    space = tuple(
        parsed_axis(named[name], steps[name], offsets[name])
        for name in (("z", "y", "x") if volume else ("y", "x"))
    )
    return ZarrImage(
        array=array,
        axes=axes,
        space=space,
        geometry=geometry_of(space),
        rgb=not volume and sizes.get("c") == 3 and _is_colour(array, attributes),
    )


def _entry(axis: Any) -> Mapping[str, Any]:
    """The entry of an axis; NGFF 0.3 states names only."""
    entry: Mapping[str, Any] = axis if isinstance(axis, dict) else {"name": str(axis)}
    return entry


def _is_colour(array: Any, attributes: Mapping[str, Any]) -> bool:
    """Whether three channels are red, green and blue: by their display colours, which fluorescence
    states in another way; without these, three channels of integers are colours."""
    if array.dtype.name not in ("uint8", "uint16"):
        return False
    channels = (attributes.get("omero") or {}).get("channels") or ()
    colours = tuple(str(one.get("color", "")).lower() for one in channels)
    return len(colours) != len(_RGB) or not all(colours) or colours == _RGB


def _transformed(
    axes: tuple[str, ...], multiscale: Mapping[str, Any], dataset: Mapping[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    """Voxel size and position of the first voxel along each axis, in the axis' own unit."""
    steps, offsets = np.ones(len(axes)), np.zeros(len(axes))
    for level in (dataset, multiscale):
        for change in level.get("coordinateTransformations", ()):
            if "path" in change or change["type"] not in _CHANGES:
                raise unsupported(
                    "The image is placed by a transformation that is not a scale and translation.",
                    expected="Transformations of NGFF 0.4 with their numbers in the metadata.",
                    hint="Resample the image, or write its voxel size and position in this way.",
                )
            if change["type"] == "scale":
                factor = _numbers(change["scale"], len(axes))
                steps, offsets = steps * factor, offsets * factor
            elif change["type"] == "translation":
                offsets = offsets + _numbers(change["translation"], len(axes))
    if not (np.isfinite(steps).all() and np.isfinite(offsets).all() and (steps > 0).all()):
        raise invalid_metadata()
    return (
        {name: float(n) for name, n in zip(axes, steps, strict=True)},
        {name: float(n) for name, n in zip(axes, offsets, strict=True)},
    )


def _numbers(stated: Any, count: int) -> NDArray[np.float64]:
    """One number for each axis (NGFF 0.4, 3.4); raises UnreadableScan for fewer or more."""
    numbers = np.array(stated, float)
    if numbers.shape != (count,):
        raise invalid_metadata()
    return numbers
