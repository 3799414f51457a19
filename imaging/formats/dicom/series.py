"""One volume or picture of DICOM, as a scan, with what its objects must refer to."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import BadInput, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.frame import PlanePosition, is_length
from imaging.formats.dicom.pixel_values import StackValues, bytes_of, picture, picture_type
from imaging.formats.dicom.planes import Planes
from imaging.formats.dicom.regular_grid import RegularGrid
from imaging.formats.dicom.stack import Stack, UnevenSlices
from imaging.formats.limits import Limits
from imaging.lazy import lazy
from imaging.scan import Scan

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A stack that passed; what a scan's `source` is."""

    stack: Stack
    regular: RegularGrid | None = None
    """The grid onto which it is resampled; None: its slices are the grid."""

    @classmethod
    def of(cls, stack: Stack, *, resample: bool = False) -> "Series":
        """Raises BrokenGeometry where the stack makes no volume, and may not be resampled."""
        try:
            stack.check()
        except UnevenSlices:
            if not resample:
                raise
            return cls(stack, RegularGrid.around(stack))
        return cls(stack)

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.stack.frames[0].instance.series

    def planes(self) -> Planes:
        """The original planes with their whole headers, read anew."""
        instances = list(dict.fromkeys(frame.instance for frame in self.stack.frames))
        order = {instance: n for n, instance in enumerate(instances)}
        return Planes(
            headers=tuple(instance.whole_header() for instance in instances),
            frames=tuple((order[frame.instance], frame.number) for frame in self.stack.frames),
        )

    def on_planes(self, mask: NDArray[Any]) -> NDArray[Any]:
        """(planes, rows, columns) of a mask on the scan's own grid, (i, j, k) or (row, column)."""
        if mask.ndim == 2:
            return mask[None]
        if self.regular is None:
            return mask.transpose(2, 1, 0)
        header = self.stack.frames[0].instance.header
        return self.regular.on_planes(mask, int(header.Rows), int(header.Columns))

    def scan(self, limits: Limits, scratch: Path | None) -> Scan:
        """The scan; raises ScanTooLarge, UnsupportedScan. No pixel is decoded before a read."""
        first = self.stack.frames[0]
        if first.instance.is_cine:
            raise _cine(first.instance.number_of_frames)
        if first.place is None:
            return self._picture(limits)
        header = first.instance.header
        if int(header.SamplesPerPixel) != 1 or "MONOCHROME" not in str(
            header.PhotometricInterpretation
        ):
            raise UnsupportedScan(
                "The volume is in colour.",
                expected="One value a voxel: MONOCHROME1 or 2 (PS3.3, C.7.6.3.1.2).",
                hint="Send the grey series that it was made from.",
            )
        planes = StackValues(self.stack.frames, scratch)
        shape, affine = self._grid(first.place, planes)
        dtype = planes.dtype if self.regular is None else np.dtype(np.float32)
        limits.check_volume(prod(shape), prod(shape) * dtype.itemsize)
        limits.check_bytes(bytes_of(self.stack.frames))
        return Scan(
            shape=(1, *shape),
            dtype=dtype,
            affine=affine,
            spacing_mm=tuple(float(n) for n in np.linalg.norm(affine[:3, :3], axis=0)),
            format="dicom",
            reader=self._reader(planes),
            stored_shape=shape,
            warnings=self._warnings(),
            source=self,
        )

    def _grid(
        self, place: PlanePosition, planes: StackValues
    ) -> tuple[tuple[int, int, int], NDArray[np.float64]]:
        """Shape (i, j, k) and the affine to RAS+ mm (PS3.3, C.7.6.2.1.1, equation C.7.6.2.1-1)."""
        affine = np.eye(4)
        count, rows, columns = planes.shape
        positions = self.stack.positions
        if self.regular is not None:
            step, origin = self.regular.gap * place.normal, self.regular.origin
            shape = self.regular.shape
        else:
            origin = positions[0]
            step = (positions[-1] - origin) / (count - 1) if count > 1 else _alone(place)
            shape = (columns, rows, count)
        axes = [place.along_row * place.spacing[1], place.along_column * place.spacing[0], step]
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

    def _picture(self, limits: Limits) -> Scan:
        frame = self.stack.frames[0]
        instance, header = frame.instance, frame.instance.header
        if instance.number_of_frames > 1:
            raise _cine(instance.number_of_frames)
        rows, columns, samples = int(header.Rows), int(header.Columns), int(header.SamplesPerPixel)
        palette = header.PhotometricInterpretation == "PALETTE COLOR"
        components = 3 if samples > 1 or palette else 1
        dtype = picture_type(frame)
        if components == 3 and dtype not in (np.uint8, np.uint16):
            raise UnsupportedScan(
                f"The colours of the picture are of {int(header.BitsStored)} bits, or signed.",
                expected="8 or 16 bits, unsigned (PS3.3, C.7.6.3.1.2).",
                hint="Export the picture with 8 bits a colour.",
            )
        limits.check_image(rows, columns, rows * columns * components * dtype.itemsize)
        values = lazy(lambda: picture(frame))

        def read(box: Box) -> NDArray[Any]:
            found = values()
            if found.shape != (components, rows, columns):
                raise UnreadableScan(
                    "The pixel data is not as the header says.",
                    expected="Rows, Columns and Samples per Pixel as PS3.3, C.7.6.3, has them.",
                    hint="Export the image again.",
                )
            return found[(slice(None), *box.slices)]

        return Scan(
            shape=(components, rows, columns),
            dtype=dtype,
            affine=np.eye(4),
            spacing_mm=_spacing(header),
            format="dicom",
            reader=read,
            stored_shape=(rows, columns),
            source=self,
        )

    def _warnings(self) -> tuple[str, ...]:
        if self.regular is None:
            return ()
        try:
            self.stack.check()
        except UnevenSlices as fault:
            done = f"The volume was resampled to slices {self.regular.gap:.2f} mm apart;"
            back = "a DICOM mask is brought back to the original slices, by the nearest voxel."
            return (f"{fault.detail} {done} {back}",)
        raise BadInput("The stack is even.")  # `of` makes no grid then


def one_of(stacks: Sequence[Stack], number: int) -> Stack:
    """The stack that a pack names; raises UnreadableScan where there are fewer."""
    if number < len(stacks):
        return stacks[number]
    raise UnreadableScan(
        f"The series has {len(stacks)} volumes; number {number + 1} was asked for.",
        expected="One of those that there are.",
        hint="Send the series again and choose one.",
    )


def _cine(frames: int) -> UnsupportedScan:
    return UnsupportedScan(
        f"The image has {frames:,} frames that say nothing of where they lie in the patient.",
        expected="One frame, or Image Position (Patient) for each (PS3.3, C.7.6.16.2.3).",
        hint="Send the frame that is meant as an image of its own.",
    )


def _alone(place: PlanePosition) -> NDArray[np.float64]:
    return (place.thickness or 1.0) * place.normal


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
