"""A single DICOM image as a scan."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.box import Box
from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom.frame import Frame
from imaging.formats.dicom.frame_plane import lengths_of
from imaging.formats.dicom.pixel_padding import PixelPadding
from imaging.formats.dicom.pixel_values import ImageValues, image_type
from imaging.formats.dicom.stack import Stack
from imaging.formats.limits import Limits
from imaging.lazy import lazy
from imaging.scan import Scan


def image_scan(stack: Stack, source: Any, limits: Limits) -> Scan:
    """The only frame of a stack as an image; decodes no pixel before a read.

    Raises UnsupportedScan, ScanTooLarge.
    """
    frame = stack.frames[0]
    header = frame.instance.header
    if frame.instance.number_of_frames > 1:
        raise frames_without_position(frame.instance.number_of_frames)
    components, dtype = _pixel_type(frame)
    rows, columns = int(header.Rows), int(header.Columns)
    limits.check_image(rows, columns, rows * columns * components * dtype.itemsize)
    values = lazy(lambda: ImageValues.of(frame))

    def read(box: Box) -> NDArray[Any]:
        pixels = values().values
        if pixels.shape != (components, rows, columns):
            raise _wrong_size()
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
        warnings=(*stack.warnings, *_burned_in(header)),
        source=source,
        padding=padding if PixelPadding.of(header) else None,
    )


def _pixel_type(frame: Frame) -> tuple[int, np.dtype[Any]]:
    """Number of components and type of a pixel."""
    header = frame.instance.header
    palette = header.PhotometricInterpretation == "PALETTE COLOR"
    components = 3 if int(header.SamplesPerPixel) > 1 or palette else 1
    dtype = image_type(frame)
    if components == 3 and dtype not in (np.uint8, np.uint16):
        sign = " and a sign" if dtype.kind == "i" else ""
        raise UnsupportedScan(
            f"The colours of the image have {int(header.BitsStored)} bits{sign}.",
            expected="8 or 16 bits, unsigned (PS3.3, C.7.6.3.1.2).",
            hint="Export the image with 8 bits per colour.",
        )
    return components, dtype


def _wrong_size() -> UnreadableScan:
    return UnreadableScan(
        "The pixel data does not match the header.",
        expected="Rows, Columns and Samples per Pixel as in PS3.3, C.7.6.3.",
        hint="Export the image again.",
    )


def frames_without_position(frames: int) -> UnsupportedScan:
    """The error for several frames that form no volume."""
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


def _spacing(header: Any) -> tuple[float, float] | None:
    names = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
    return lengths_of(next((header.get(name) for name in names if header.get(name)), None))
