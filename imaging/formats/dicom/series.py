"""A DICOM volume or image as a scan, with the images that results refer to."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from imaging.box import Box
from imaging.errors import BadInput, BadRequest, UnevenSlices, UnreadableScan, UnsupportedScan
from imaging.formats.affine import axis_lengths, shear_warnings
from imaging.formats.dicom.display import display_of, value_unit_of
from imaging.formats.dicom.image import frames_without_position, image_scan
from imaging.formats.dicom.pixel_values import StackValues, stack_bytes
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.regular_grid import RegularGrid
from imaging.formats.dicom.source_planes import source_planes
from imaging.formats.dicom.stack import Stack
from imaging.formats.dicom.whole_slide import slide_scan
from imaging.formats.limits import Limits
from imaging.printable import printable
from imaging.scan import Padding, Scan
from imaging.scan_display import ScanDisplay, ValueUnit

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A checked stack; the `source` of its scan (see SourceSeries)."""

    stack: Stack
    regular: RegularGrid | None = None
    """The grid onto which it is resampled; None: the slices themselves are the grid."""
    original: tuple[int, int] | None = None
    """Of one frame that was taken from a multi-frame instance: its number in it, from 1, and the
    number of frames there."""

    @classmethod
    def of(cls, stack: Stack, *, resample: bool = False) -> "Series":
        """Checks a stack; raises BrokenGeometry where it forms no volume and is not resampled."""
        try:
            stack.check()
        except UnevenSlices:
            if not resample:
                raise
            return cls(stack, RegularGrid.around(stack))
        return cls(stack)

    def taken_from(self, frame: int, frames: int) -> "Series":
        """The series of one frame whose instance had `frames` frames; numbered from 1."""
        return replace(self, original=(frame, frames))

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.stack.frames[0].instance.series

    @property
    def images(self) -> str:
        """As `SourceSeries.images`; reads no file."""
        digest = sha256(repr(self.original).encode())
        for frame in self.stack.frames:
            instance = frame.instance.header.get("SOPInstanceUID") or ""
            digest.update(f"{instance}/{frame.number}\0".encode())
        return digest.hexdigest()

    def header(self) -> Dataset:
        """As `SourceSeries.header`."""
        return self.stack.frames[0].instance.whole_header()

    @property
    def modality(self) -> str:
        """Modality; empty where the header states none."""
        return printable(str(self.stack.frames[0].instance.header.get("Modality") or ""))

    @property
    def body_part(self) -> str:
        """BodyPartExamined; empty where the header states none."""
        return printable(str(self.stack.frames[0].instance.header.get("BodyPartExamined") or ""))

    @property
    def value_unit(self) -> ValueUnit:
        """As `SourceSeries.value_unit`."""
        return value_unit_of(self.stack)

    def display(self, secret: bytes) -> ScanDisplay:
        """As `SourceSeries.display`."""
        return display_of(self.stack, secret)

    @property
    def has_planes(self) -> bool:
        """As `SourceSeries.has_planes`."""
        return not self.stack.frames[0].instance.is_whole_slide

    @property
    def has_position(self) -> bool:
        """As `SourceSeries.has_position`."""
        return self.stack.plane is not None

    def planes(self) -> Planes:
        """The original planes; reads their whole headers. Raises BadRequest for a whole slide."""
        if not self.has_planes:
            raise BadRequest(
                "A mask of a whole slide cannot be written as a DICOM object.",
                expected="A volume, or an image that is not divided into tiles.",
                hint="Fetch the mask as ome-tiff, ome-zarr or png.",
            )
        planes = source_planes(self.stack.frames)
        return planes if self.original is None else planes.taken_from(*self.original)

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """(planes, rows, columns) of a mask on the scan's grid, (i, j, k) or (row, column)."""
        if mask.ndim == 2:
            return mask[None]
        if self.regular is None:
            return mask.transpose(2, 1, 0)
        return self.regular.on_planes(mask, *self.stack.frames[0].size)

    def scan(self, limits: Limits, scratch: Path | None) -> Scan:
        """The scan; raises ScanTooLarge, UnsupportedScan. No pixel is decoded before a read."""
        first = self.stack.frames[0]
        if first.instance.is_whole_slide:
            return slide_scan(first.instance, self, limits)
        if first.instance.is_cine:
            raise frames_without_position(first.instance.number_of_frames)
        color = first.instance.is_color
        if first.geometry is None or (color and len(self.stack.frames) == 1):
            return image_scan(self.stack, self, limits)
        if color:
            raise UnsupportedScan(
                "The slices are in colour and form no volume.",
                expected="One value per voxel: MONOCHROME1 or MONOCHROME2 (PS3.3, C.7.6.3.1.2), or "
                "the choice of one slice.",
                hint="Choose a slice by `volume`, or send the greyscale series from which they "
                "were computed.",
            )
        planes = StackValues(self.stack.frames, scratch)
        shape, affine = self._grid(self.stack.geometry, planes)
        dtype = planes.dtype if self.regular is None else np.dtype(np.float32)
        limits.check_volume(prod(shape), prod(shape) * dtype.itemsize)
        limits.check_bytes(stack_bytes(self.stack.frames))
        return Scan(
            shape=(1, *shape),
            dtype=dtype,
            affine=affine,
            spacing_mm=axis_lengths(affine),
            format="dicom",
            reader=self._reader(planes),
            stored_shape=shape,
            warnings=(*self._warnings(), *shear_warnings(affine)),
            source=self,
            padding=self._padding(planes) if planes.may_have_padding else None,
        )

    def _grid(
        self, geometry: PlaneGeometry, planes: StackValues
    ) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
        """Shape (i, j, k) and the affine to RAS+ mm (PS3.3, C.7.6.2.1.1, equation C.7.6.2.1-1)."""
        affine = np.eye(4)
        count, rows, columns = planes.shape
        positions = self.stack.positions
        if self.regular is not None:
            step, origin = self.regular.gap * geometry.normal, self.regular.origin
            shape = self.regular.shape
        else:
            origin = positions[0]
            step = (positions[-1] - origin) / (count - 1) if count > 1 else _alone(geometry)
            shape = (columns, rows, count)
        axes = [
            geometry.along_row * geometry.spacing[1],
            geometry.along_column * geometry.spacing[0],
            step,
        ]
        affine[:3, :3] = LPS_TO_RAS @ np.stack(axes, axis=1)
        affine[:3, 3] = LPS_TO_RAS @ origin
        return shape, affine

    def _reader(self, planes: StackValues) -> Any:
        regular = self.regular

        def read(box: Box) -> NDArray[Any]:
            if regular is not None:
                return regular.read(planes, box)
            i, j, k = box.slices
            return np.asarray(planes.values()[k, j, i]).transpose(2, 1, 0)[None]

        return read

    def _padding(self, planes: StackValues) -> Padding:
        regular = self.regular

        def read(box: Box) -> NDArray[np.bool_] | None:
            if regular is not None:
                return regular.padding(planes, box)
            padding = planes.padding()
            i, j, k = box.slices
            return None if padding is None else padding[k, j, i].transpose(2, 1, 0)

        return read

    def _warnings(self) -> tuple[str, ...]:
        if self.regular is None:
            return self.stack.warnings
        try:
            self.stack.check()
        except UnevenSlices as error:
            done = f"The volume was resampled to slices {self.regular.gap:.2f} mm apart;"
            back = "a DICOM mask is mapped back to the original slices, by the nearest voxel."
            return (*self.stack.warnings, f"{error.detail} {done} {back}")
        raise BadInput("The slices are even.")  # `of` creates no grid for them


def packed_stack(stacks: Sequence[Stack], number: int) -> Stack:
    """The stack that a pack's manifest states; raises UnreadableScan where there are fewer."""
    if number < len(stacks):
        return stacks[number]
    raise UnreadableScan(
        f"The series has {len(stacks)} volumes; number {number + 1} was requested.",
        expected="The number of an existing volume.",
        hint="Send the series again and choose one.",
    )


def _alone(geometry: PlaneGeometry) -> NDArray[np.float64]:
    return (geometry.thickness or 1.0) * geometry.normal
