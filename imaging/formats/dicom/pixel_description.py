"""Checks of the attributes that describe an image's pixels (PS3.3, C.7.6.3)."""

from pydicom import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    AllTransferSyntaxes,
    JPEG2000TransferSyntaxes,
    MediaStorageDirectoryStorage,
    RLELossless,
)

from imaging.errors import UnreadableScan, UnsupportedScan
from imaging.formats.dicom import decoders
from imaging.formats.dicom.instance import is_image
from imaging.formats.dicom.seg_header import SEG_CLASSES

DISPLAY_ONLY = (
    *("WindowCenter", "WindowWidth", "WindowCenterWidthExplanation", "VOILUTFunction"),
    *("PatientID", "PatientName", "PatientBirthDate", "LongitudinalTemporalInformationModified"),
    *("StudyDate", "SeriesDate", "AcquisitionDate"),
)
"""Attributes that say how an image is shown, and what beside it. A wrong value is ignored: no pixel
depends on it."""
_NOT_DECODED = {Tag(keyword) for keyword in DISPLAY_ONLY}
_OF_JPEG_2000 = ("YBR_ICT", "YBR_RCT")
_SAMPLES = {
    **dict.fromkeys(("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"), 1),
    **dict.fromkeys(("RGB", "YBR_FULL", "YBR_FULL_422", *_OF_JPEG_2000), 3),
}
"""Colour spaces that are read, with the samples of a pixel."""
_OTHER_COLORS = ("HSV", "ARGB", "CMYK", "YBR_PARTIAL_422", "YBR_PARTIAL_420", "XYB")
"""Further ones of the standard, most of them retired."""


class MaskObject(UnsupportedScan):
    """A DICOM Segmentation: no scan, but it may be a mask of one."""


def check_pixel_description(header: Dataset, syntax: UID, pixel_bytes: int | None) -> None:
    """Checks a header against the size of the pixel data; None means that there is none.

    Raises UnreadableScan, UnsupportedScan, and whatever pydicom raises for values that it cannot
    decode.
    """
    _check_class(header)
    kind = UID(header.SOPClassUID)
    if pixel_bytes is None or "Rows" not in header:
        raise UnreadableScan(
            f"The image has no pixel data: it is {_name(kind)}.",
            expected="Rows, Columns and Pixel Data (PS3.3, C.7.6.3).",
            hint="Export the image again, with its pixels.",
        )
    if syntax not in AllTransferSyntaxes:
        raise UnreadableScan(
            "The DICOM file does not name a known transfer syntax.",
            expected="Transfer Syntax UID (0002,0010) in its file meta information (PS3.10, 7.1).",
            hint="Export it again as a DICOM file, with its meta information.",
        )
    if syntax.is_encapsulated and not decoders.is_available(syntax):
        raise UnsupportedScan(
            f'The image is compressed as "{syntax.name}", which is not supported.',
            expected="No compression, JPEG, JPEG-LS, JPEG 2000, HTJ2K or RLE (PS3.5, Annex A).",
            hint="Convert it with a DICOM toolkit. A video must be converted to frames.",
        )
    _check_frames(header)
    native_bytes = native_size(header)
    if native_bytes <= 0:
        raise ValueError("The image has no size.")
    _check_bits(header, syntax)
    _check_colors(header, syntax)
    for tag in set(header.keys()) - _NOT_DECODED:  # decodes every other value: no access fails
        _ = header[tag].value
    if not syntax.is_encapsulated and pixel_bytes < native_bytes:
        raise UnreadableScan(
            f"The pixel data is truncated: the file has {pixel_bytes:,} bytes of it.",
            expected=f"{native_bytes:,}, by Rows, Columns, Bits Allocated and Number of Frames.",
            hint="Copy or export the image again.",
        )


def _check_class(header: Dataset) -> None:
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise UnsupportedScan(
            "This is a DICOMDIR, a list of images. It contains no image.",
            expected="An image (PS3.3, C.7.6.3).",
            hint="Send the images that it lists.",
        )
    kind = UID(header.get("SOPClassUID") or "")
    if kind in SEG_CLASSES:
        raise MaskObject(
            "This DICOM object is a mask, not an image: it is a Segmentation.",
            expected="The series that it belongs to, in the same upload or before it.",
            hint="Send the Segmentation together with its series.",
        )
    if kind and not is_image(kind):
        raise UnsupportedScan(
            f"This DICOM object is not an image that can be segmented: it is {_name(kind)}.",
            expected="CT, MR or PET, classic or enhanced; radiography, ultrasound or secondary "
            "capture.",
            hint="Send a series of images, for example the one that this object belongs to.",
        )
    missing = [] if kind else ["SOP Class UID (PS3.3, C.12.1)"]
    if "SeriesInstanceUID" not in header:
        missing.append("Series Instance UID (PS3.3, C.7.3.1)")
    if missing:
        raise UnreadableScan(
            f"The DICOM file does not state its {' and its '.join(missing)}.",
            expected="The class and the series of every image.",
            hint="Export the image again, with its complete header.",
        )


def _check_frames(header: Dataset) -> None:
    """Checks that every frame has its functional groups, and every group its frame."""
    groups = header.get("PerFrameFunctionalGroupsSequence")
    frames = int(header.get("NumberOfFrames") or 1)
    if groups and len(groups) != frames:
        raise UnreadableScan(
            f"The header describes {len(groups):,} frames, and states that there are {frames:,}.",
            expected="One item of the Per-frame Functional Groups Sequence for each frame (PS3.3, "
            "C.7.6.16).",
            hint="Export the image again.",
        )


def _check_bits(header: Dataset, syntax: UID) -> None:
    """Checks how a value is stored in its bits (PS3.5, 8.1.1); decoders trust these numbers."""
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated:
        raise _unsound(f"BitsAllocated is {allocated} and BitsStored is {stored}.")
    high = int(header.get("HighBit", stored - 1))
    if not stored - 1 <= high < allocated:
        raise _unsound(f"HighBit is {high}, with {stored} of {allocated} bits stored.")
    if int(header.get("PixelRepresentation") or 0) not in (0, 1):
        raise _unsound("PixelRepresentation is neither 0 nor 1.")
    if high != stored - 1:
        _check_shifted(header, syntax)
    if header.PhotometricInterpretation == "PALETTE COLOR":
        _first, _mapped, _depth = header.RedPaletteColorLookupTableDescriptor


def _check_colors(header: Dataset, syntax: UID) -> None:
    """Checks that the colours of a pixel are known (PS3.3, C.7.6.3.1.2), and as many as stored."""
    kind, samples = str(header.PhotometricInterpretation), int(header.SamplesPerPixel)
    transformed = kind in _OF_JPEG_2000 and syntax not in JPEG2000TransferSyntaxes
    if kind not in _SAMPLES or transformed:
        raise UnsupportedScan(
            "The image's pixels are in a colour space that is not supported: "
            f"{kind if kind in _OTHER_COLORS or transformed else 'none of the standard'}.",
            expected=f"One of {', '.join(_SAMPLES)} (PS3.3, C.7.6.3.1.2); YBR_ICT and YBR_RCT only "
            "in JPEG 2000.",
            hint="Export the image in grey or RGB.",
        )
    if samples != _SAMPLES[kind]:
        raise UnreadableScan(
            f"A pixel has {samples} samples, and the colour space is {kind}.",
            expected=f"{_SAMPLES[kind]}, by Photometric Interpretation (PS3.3, C.7.6.3.1.2).",
            hint="Export the image again.",
        )


def _check_shifted(header: Dataset, syntax: UID) -> None:
    """Values above unused bits, as old archives store them, are read from grey cells only."""
    grey = int(header.SamplesPerPixel) == 1 and "MONOCHROME" in header.PhotometricInterpretation
    if not grey or (syntax.is_encapsulated and syntax != RLELossless):
        raise UnsupportedScan(
            f"The values do not begin at the lowest bit: HighBit is {int(header.HighBit)} and "
            f"BitsStored is {int(header.BitsStored)}, in a compressed or colour image.",
            expected="HighBit = BitsStored - 1 (PS3.5, 8.1.1); other values only in grey images "
            "without JPEG compression.",
            hint="Convert the image with a DICOM toolkit, so that its values begin at bit 0.",
        )


def _unsound(detail: str) -> UnreadableScan:
    return UnreadableScan(
        detail,
        expected="1, 8, 16 or 32 bits allocated; stored bits within them, as in PS3.5, 8.1.1.",
        hint="Export the image again.",
    )


def native_size(header: Dataset) -> int:
    """Size in bytes of the pixel data where it is not compressed (PS3.5, 8.1)."""
    frames = int(header.get("NumberOfFrames") or 1)
    samples, bits = int(header.SamplesPerPixel), int(header.BitsAllocated)
    pixels = int(header.Rows) * int(header.Columns) * frames
    if header.PhotometricInterpretation == "YBR_FULL_422":
        return pixels * 2 * bits // 8
    return (pixels * samples * bits + 7) // 8


def _name(kind: UID) -> str:
    return f'"{kind.name}"' if kind.name != kind else "of a class that PS3.4 does not list"
