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
from imaging.formats.dicom.frame import is_length
from imaging.formats.dicom.pixel_padding import PixelPadding
from imaging.formats.dicom.pixel_values import ImageValues, StackValues, image_type, stack_bytes
from imaging.formats.dicom.plane_geometry import PlaneGeometry
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.regular_grid import RegularGrid
from imaging.formats.dicom.source_planes import source_planes
from imaging.formats.dicom.stack import Stack
from imaging.formats.dicom.whole_slide import slide_scan
from imaging.formats.limits import Limits
from imaging.lazy import lazy
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
        return str(self.stack.frames[0].instance.header.get("Modality") or "")

    @property
    def body_part(self) -> str:
        """BodyPartExamined; empty where the header states none."""
        return str(self.stack.frames[0].instance.header.get("BodyPartExamined") or "")

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
            raise _cine(first.instance.number_of_frames)
        color = first.instance.is_color
        if first.geometry is None or (color and len(self.stack.frames) == 1):
            return self._image(limits)
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

    def _image(self, limits: Limits) -> Scan:
        frame = self.stack.frames[0]
        instance, header = frame.instance, frame.instance.header
        if instance.number_of_frames > 1:
            raise _cine(instance.number_of_frames)
        rows, columns, samples = int(header.Rows), int(header.Columns), int(header.SamplesPerPixel)
        palette = header.PhotometricInterpretation == "PALETTE COLOR"
        components = 3 if samples > 1 or palette else 1
        dtype = image_type(frame)
        if components == 3 and dtype not in (np.uint8, np.uint16):
            sign = " and a sign" if dtype.kind == "i" else ""
            raise UnsupportedScan(
                f"The colours of the image have {int(header.BitsStored)} bits{sign}.",
                expected="8 or 16 bits, unsigned (PS3.3, C.7.6.3.1.2).",
                hint="Export the image with 8 bits per colour.",
            )
        limits.check_image(rows, columns, rows * columns * components * dtype.itemsize)
        values = lazy(lambda: ImageValues.of(frame))

        def read(box: Box) -> NDArray[Any]:
            pixels = values().values
            if pixels.shape != (components, rows, columns):
                raise UnreadableScan(
                    "The pixel data does not match the header.",
                    expected="Rows, Columns and Samples per Pixel as in PS3.3, C.7.6.3.",
                    hint="Export the image again.",
                )
            return pixels[(slice(None), *box.slices)]

        def padding(box: Box) -> NDArray[np.bool_] | None:
            padded = values().padding
            return None if padded is None else padded[box.slices]

        return Scan(
            shape=(components, rows, columns),
            dtype=dtype,
            affine=np.eye(4),
            spacing_mm=_spacing(header) if frame.geometry is None else frame.geometry.spacing,
            format="dicom",
            reader=read,
            stored_shape=(rows, columns),
            warnings=(*self.stack.warnings, *_burned_in(header)),
            source=self,
            padding=padding if PixelPadding.of(header) else None,
        )

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


def _cine(frames: int) -> UnsupportedScan:
    return UnsupportedScan(
        f"The image has {frames:,} frames without a position in the patient.",
        expected="One frame, or Image Position (Patient) for each (PS3.3, C.7.6.16.2.3).",
        hint="Choose a frame by `volume` when you upload it.",
    )


def _burned_in(header: Any) -> tuple[str, ...]:
    """A warning for a de-identified image that may have text in its pixels (PS3.3, C.7.6.1)."""
    removed = str(header.get("PatientIdentityRemoved") or "").strip().upper() == "YES"
    if not removed or str(header.get("BurnedInAnnotation") or "").strip().upper() == "NO":
        return ()
    problem = "The header does not say whether text is burned into the image (0028,0301)."
    return (f"{problem} Look for names in the de-identified image.",)


def _alone(geometry: PlaneGeometry) -> NDArray[np.float64]:
    return (geometry.thickness or 1.0) * geometry.normal


def _spacing(header: Any) -> tuple[float, float] | None:
    for name in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        values = header.get(name)
        if values:
            try:
                rows, columns = (float(n) for n in values)
            except (TypeError, ValueError):
                return None
            return (rows, columns) if is_length(rows) and is_length(columns) else None
    return None
