"""A MetaImage header, parsed and checked.

Fields are those of MetaIO's documentation and of `MetaImage::M_Read`, which ITK and SimpleITK use.
"""

from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.affine import (
    ORIENTATION_UNKNOWN,
    check_affine_mm,
    shear_warnings,
)
from imaging.formats.metaimage.element_types import ELEMENT_TYPES
from imaging.formats.metaimage.fields import (
    HEADER_BYTES,
    LAST,
    LOCAL,
    damaged,
    fields_of,
    is_true,
    numbers,
)
from imaging.formats.metaimage.space import MetaSpace
from imaging.formats.raster import ORIENTATION_IGNORED
from imaging.formats.scan_part import part_places, part_title
from imaging.formats.voxel_stream import VoxelStream
from imaging.formats.whole_numbers import MOST, whole_number

_ORIGIN = ("Offset", "Position", "Origin")
_MATRIX = ("TransformMatrix", "Rotation", "Orientation")
_SPACING = ("ElementSpacing", "ElementSize")
_UNITS_MM = {"um": 0.001, "mm": 1.0, "cm": 10.0}
_UNKNOWN_UNIT = "?"  # MET_DISTANCE_UNITS_UNKNOWN
_MOST_AXES = 10  # MetaObject's largest NDims
_LPS_TO_RAS = np.array([[-1.0], [-1.0], [1.0]])


@dataclass(frozen=True, slots=True, eq=False)
class MetaHeader:
    """What the header states; every field has been checked."""

    axes: tuple[int, ...]
    """Lengths of the axes in space, then of those after them."""
    channels: int
    """Values of a voxel, side by side in the file."""
    stream: VoxelStream
    space: MetaSpace
    affine: NDArray[np.float64]
    """(4, 4): voxel index -> RAS+ mm."""
    warnings: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """2 for an image, 3 for volumes."""
        return min(3, len(self.axes))

    @property
    def grid(self) -> tuple[int, ...]:
        """Lengths of the axes in space; of an image: columns, rows."""
        return self.axes[: self.dimension]

    @property
    def voxels(self) -> int:
        """Of one volume or image."""
        return prod(self.grid)

    @property
    def colour(self) -> bool:
        """Whether it is an RGB image, possibly with transparency."""
        return self.dimension == 2 and self.channels in (3, 4)

    @property
    def _lengths(self) -> tuple[int, ...]:
        """Of what tells the parts apart: the channel, then the axes after those in space."""
        return (1 if self.colour else self.channels, *self.axes[3:])

    @property
    def parts(self) -> int:
        """Number of volumes or images in the file."""
        return prod(self._lengths)

    def places(self, index: int) -> tuple[int, ...]:
        """Where part `index` (from 0) lies: its channel, then its place along the other axes."""
        return part_places(index, self._lengths)

    def title(self, index: int) -> str:
        """The name of part `index` (from 0), such as `component 2 of 3`."""
        names = ("component", *("volume" for _ in self.axes[3:]))
        axes = zip(names, self.places(index), self._lengths, strict=True)
        return part_title(axes) or "scan 1 of 1"


def parse(path: Path) -> MetaHeader:
    """The header of the file at `path`.

    Raises UnreadableScan where it contradicts itself, UnsupportedScan where the file is valid but
    not supported: voxels in another file or as text, one axis.
    """
    with path.open("rb") as file:
        fields, offset = fields_of(file.read(HEADER_BYTES))
    if fields[LAST].lower() != LOCAL:
        raise UnsupportedScan(
            "The voxels of the MetaImage are in another file.",
            expected="One .mha file that holds both header and voxels.",
            hint="Send the .mhd and its data file together, or in a zip.",
        )
    return header_of(fields, path, offset)


def header_of(fields: dict[str, str], path: Path, offset: int) -> MetaHeader:
    """A header whose voxels are at `offset` of the file at `path`; raises as `parse`."""
    axes = _axes(fields)
    (channels,) = numbers(fields, ("ElementNumberOfChannels",), 1, whole_number) or (1,)
    if channels < 1:
        raise damaged("The header states an impossible number of channels.")
    space = _space(fields, len(axes))
    affine = space.own.copy()
    with np.errstate(over="ignore"):  # the check refuses the result
        affine[:3] *= _LPS_TO_RAS * _UNITS_MM.get(space.unit, 1.0)
    check_affine_mm(affine)
    placed = _image_warnings(space.own) if len(axes) == 2 else _volume_warnings(space)
    return MetaHeader(
        axes=axes,
        channels=channels,
        stream=_stream(fields, path, offset, (channels, *axes)),
        space=space,
        affine=affine,
        warnings=(*placed, *_unit_warnings(space.unit), *shear_warnings(affine)),
    )


def _volume_warnings(space: MetaSpace) -> tuple[str, ...]:
    return (
        *(() if space.oriented else (ORIENTATION_UNKNOWN,)),
        *(() if space.sized else ("The file states no voxel size. It is read as 1 mm.",)),
    )


def _image_warnings(own: NDArray[np.float64]) -> tuple[str, ...]:
    """A warning if the axes of an image point elsewhere than to the right and down."""
    upright = np.array_equal(own[:2, :2], np.diag(np.abs(own.diagonal()[:2])))
    return () if upright else (ORIENTATION_IGNORED,)


def _axes(fields: dict[str, str]) -> tuple[int, ...]:
    (count,) = numbers(fields, ("NDims",), 1, whole_number) or (0,)
    if not 1 <= count <= _MOST_AXES:
        raise damaged("The header states no number of axes, or an impossible one.")
    axes = numbers(fields, ("DimSize",), count, whole_number)
    if axes is None or min(axes) < 1:
        raise damaged("The header has no DimSize, or a length below 1 in it.")
    if count == 1:
        raise UnsupportedScan(
            "The file has 1 axis.",
            expected="An image or a volume: two axes or more.",
            hint="Save the image or volume itself.",
        )
    return axes


def _space(fields: dict[str, str], count: int) -> MetaSpace:
    """The space of an image with `count` axes.

    Each row of the matrix in the file is the direction of one axis.
    """
    matrix = numbers(fields, _MATRIX, count * count, float)
    spacing = numbers(fields, _SPACING, count, float)
    origin = numbers(fields, _ORIGIN, count, float)
    affine, space = np.eye(4), min(3, count)
    if matrix is not None:
        affine[:space, :space] = np.array(matrix).reshape(count, count).T[:space, :space]
    affine[:space, :space] *= np.array(spacing or (1.0,) * count)[:space]
    affine[:space, 3] = np.array(origin or (0.0,) * count)[:space]
    unit = fields.get("DistanceUnits", "").lower()
    return MetaSpace(
        own=affine,
        unit=unit if unit in ("", *_UNITS_MM) else _UNKNOWN_UNIT,
        oriented=matrix is not None,
        sized=spacing is not None,
    )


def _unit_warnings(unit: str) -> tuple[str, ...]:
    """A warning unless the unit is mm, which is MetaImage's own unit where none is stated."""
    if unit in ("", "mm"):
        return ()
    if unit == _UNKNOWN_UNIT:
        return ("The file states no known unit of length. It is read as millimetres.",)
    return (f"The file states lengths in {unit}; they are converted to millimetres.",)


def _stream(fields: dict[str, str], path: Path, offset: int, sizes: tuple[int, ...]) -> VoxelStream:
    """The voxels. HeaderSize counts from the beginning of the data file; -1: they end the file."""
    name = fields.get("ElementType", "")
    kind = ELEMENT_TYPES.get(name.removesuffix("_ARRAY"))
    if kind is None or not is_true({"BinaryData": "True", **fields}, "BinaryData"):
        raise UnsupportedScan(
            "The voxels of the MetaImage are text, or their type is not supported.",
            expected=f"Binary voxels of one of the types {', '.join(ELEMENT_TYPES)}.",
            hint="Save it with SimpleITK or 3D Slicer, or as .nii.gz.",
        )
    big = is_true(fields, "BinaryDataByteOrderMSB") or is_true(fields, "ElementByteOrderMSB")
    stored = np.dtype((">" if big else "<") + kind)
    data_bytes = prod(sizes) * stored.itemsize
    if data_bytes > MOST:
        raise damaged("The header states more voxels than a file can hold.")
    compressed = is_true(fields, "CompressedData")
    (skip,) = numbers(fields, ("HeaderSize",), 1, whole_number) or (0,)
    if skip > 0:
        offset = skip
    elif skip == -1 and not compressed:
        offset = max(offset, path.stat().st_size - data_bytes)
    elif skip != 0:
        raise damaged("The header states an impossible HeaderSize.")
    return VoxelStream(path, stored, sizes, offset, compressed, _truncated)


def _truncated() -> UnreadableScan:
    return damaged(
        "The file is cut off or damaged: it holds fewer voxels than its header promises."
    )
