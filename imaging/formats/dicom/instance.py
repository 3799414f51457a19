"""One SOP instance: its header, of which only what places and decodes its pixels is kept."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.uid import UID, AllTransferSyntaxes, MediaStorageDirectoryStorage

from imaging.errors import TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.inflated import check_inflated

Opener = Callable[[], BinaryIO]
"""Opens the instance's file, seekable, from its start."""

MAGIC = (128, b"DICM")
"""Offset and content of the prefix of a DICOM file (PS3.10, 7.1)."""
_KEPT = (
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "FrameOfReferenceUID"),
    *("SeriesDescription", "BodyPartExamined", "BurnedInAnnotation"),
    *("AcquisitionNumber", "AcquisitionTime", "ContentTime", "AcquisitionDateTime"),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime", "FrameReferenceTime"),
    *("EchoTime", "EchoNumbers", "InversionTime", "DiffusionBValue", "FlipAngle"),
    *("ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "SpacingBetweenSlices"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    "RedPaletteColorLookupTableDescriptor",
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_PIXELS = 0x7FE00010


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An image that can be decoded, of which no pixel has been read."""

    header: Dataset
    """The attributes that are needed to place and decode it; see `whole_header` for all."""
    open: Opener

    @property
    def series(self) -> str:
        """SeriesInstanceUID."""
        return str(self.header.SeriesInstanceUID)

    @property
    def number_of_frames(self) -> int:
        return int(self.header.get("NumberOfFrames") or 1)

    @property
    def cut_through_patient(self) -> bool:
        """Whether its class says so, and it must tell where it lies.

        The modality does not say it: a page of doses that a CT saved as a picture is CT as well.
        """
        return UID(self.header.SOPClassUID).name.startswith(_SLICES)

    @property
    def cine(self) -> bool:
        """Whether it has frames that say nothing of themselves, whatever their number."""
        return self.number_of_frames > 1 and not self.header.get("PerFrameFunctionalGroupsSequence")

    def whole_header(self) -> Dataset:
        """Every attribute but the pixel data."""
        with self.open() as file:
            return dcmread(file, stop_before_pixels=True, force=True)


def opener(path: Path) -> Opener:
    """How to open a file of its own."""
    return lambda: path.open("rb")


def read_instance(open_file: Opener) -> Instance:
    """The instance in a file; raises UnreadableScan, UnsupportedScan or ScanTooLarge, no other."""
    try:
        header, syntax, pixel_bytes = _parsed(open_file)
    except TesseraError:
        raise
    except Exception as error:  # whatever a damaged file makes the library raise
        raise UnreadableScan(
            "The DICOM file is damaged: its attributes cannot be read.",
            expected="A data set as PS3.10 describes.",
            hint="Export the image again.",
        ) from error
    try:
        _check(header, syntax, pixel_bytes)
    except TesseraError:
        raise
    except Exception as error:  # values are decoded when they are first asked for
        raise UnreadableScan(
            "An attribute of the DICOM file that describes its pixels has no sound value.",
            expected="Rows, Columns, Bits Allocated and their like as PS3.3, C.7.6.3, has them.",
            hint="Export the image again.",
        ) from error
    return Instance(header, open_file)


def series_of(open_file: Opener) -> str:
    """SeriesInstanceUID of a file that may be damaged; "" where it cannot be read."""
    try:
        with open_file() as file:
            tags = ["SeriesInstanceUID"]
            found = dcmread(file, stop_before_pixels=True, force=True, specific_tags=tags)
            return str(found.get("SeriesInstanceUID") or "")
    except Exception:  # noqa: BLE001 - whatever a damaged file makes the library raise
        return ""


def _parsed(open_file: Opener) -> tuple[Dataset, UID, int | None]:
    """Header, transfer syntax, and the bytes of its pixel data, None where it has none."""
    with open_file() as file:
        check_inflated(file)
    with open_file() as file:
        header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_KEPT])
        syntax = UID(str(header.file_meta.get("TransferSyntaxUID", "")))
        if syntax.is_deflated if syntax in AllTransferSyntaxes else False:
            with open_file() as again:
                pixels = dcmread(again, force=True).get_item(_PIXELS)
            return header, syntax, None if pixels is None else len(pixels.value or b"")
        start, begin = file.read(12), file.tell()
        left = file.seek(0, io.SEEK_END) - begin
    little = not (syntax in AllTransferSyntaxes and not syntax.is_little_endian)
    order: Any = "little" if little else "big"
    tag = (int.from_bytes(start[:2], order) << 16) + int.from_bytes(start[2:4], order)
    if tag not in (_PIXELS, 0x7FE00008, 0x7FE00009):
        return header, syntax, None
    explicit = start[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN")
    length = int.from_bytes(start[8:12] if explicit else start[4:8], order)
    # PS3.5, 7.1.2 and 7.1.3: twelve bytes before the value, or eight where no VR is told
    return header, syntax, min(length, left if explicit else left + 4)


def _check(header: Dataset, syntax: UID, pixel_bytes: int | None) -> None:
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise UnsupportedScan(
            "This is a DICOMDIR: it lists images, and holds none.",
            expected="An image (PS3.3, C.7.6.3).",
            hint="Send the images that it lists.",
        )
    if "SOPClassUID" not in header or "SeriesInstanceUID" not in header:
        raise UnreadableScan(
            "The DICOM file does not say what it is, or of which series.",
            expected="SOP Class UID (PS3.3, C.12.1) and Series Instance UID (C.7.3.1).",
            hint="Export the image again, with its whole header.",
        )
    kind = UID(header.SOPClassUID)
    if not is_image(kind):
        raise UnsupportedScan(
            f"This DICOM object is no image to segment: it is {_name(kind)}.",
            expected="CT, MR or PET, classic or enhanced; radiography, ultrasound, capture.",
            hint="Send the images that it refers to.",
        )
    if pixel_bytes is None or "Rows" not in header:
        raise UnreadableScan(
            f"The image has no pixel data: it is {_name(kind)}.",
            expected="Rows, Columns and Pixel Data (PS3.3, C.7.6.3).",
            hint="Export the image again, with its pixels.",
        )
    if syntax not in AllTransferSyntaxes:
        raise UnreadableScan(
            "The DICOM file does not name a transfer syntax that is known.",
            expected="Transfer Syntax UID (0002,0010) in its file meta information (PS3.10, 7.1).",
            hint="Export it again as a DICOM file, with its meta information.",
        )
    wanted = _native_bytes(header)
    if wanted <= 0:
        raise ValueError("an image of no size")
    _check_bits(header)
    for element in header:  # nobody meets a broken value later on
        _ = element.value
    if not syntax.is_encapsulated and pixel_bytes < wanted:
        raise UnreadableScan(
            f"The pixel data is cut off: {pixel_bytes:,} bytes are there.",
            expected=f"{wanted:,}, by Rows, Columns, Bits Allocated and Number of Frames.",
            hint="Copy or export the image again.",
        )


def _check_bits(header: Dataset) -> None:
    """How a value lies in its bits (PS3.5, 8.1.1); decoders take wrong figures at their word."""
    allocated, stored = int(header.BitsAllocated), int(header.BitsStored)
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated:
        raise ValueError("an impossible number of bits")
    if int(header.get("HighBit", stored - 1)) != stored - 1:
        raise ValueError("values that do not begin at the lowest bit")
    if int(header.get("PixelRepresentation") or 0) not in (0, 1):
        raise ValueError("values neither signed nor unsigned")
    if header.PhotometricInterpretation == "PALETTE COLOR":
        _first, _mapped, _depth = header.RedPaletteColorLookupTableDescriptor


def _native_bytes(header: Dataset) -> int:
    """Of the pixel data where it is not compressed (PS3.5, 8.1)."""
    frames = int(header.get("NumberOfFrames") or 1)
    samples, bits = int(header.SamplesPerPixel), int(header.BitsAllocated)
    pixels = int(header.Rows) * int(header.Columns) * frames
    if header.PhotometricInterpretation == "YBR_FULL_422":
        return pixels * 2 * bits // 8
    return (pixels * samples * bits + 7) // 8


_SLICES = (
    *("CT Image Storage", "Enhanced CT Image Storage", "Legacy Converted Enhanced CT Image"),
    *("MR Image Storage", "Enhanced MR Image Storage", "Legacy Converted Enhanced MR Image"),
    *("Enhanced MR Color Image", "Positron Emission Tomography Image", "Enhanced PET Image"),
    "Legacy Converted Enhanced PET Image",
)
_IMAGES = (
    *_SLICES,
    *("Computed Radiography", "Digital X-Ray Image"),
    *("Digital Mammography X-Ray Image", "Digital Intra-Oral X-Ray Image", "X-Ray Angiographic"),
    *("X-Ray Radiofluoroscopic", "Ultrasound Image", "Ultrasound Multi-frame", "Secondary Capture"),
    *("Multi-frame", "Nuclear Medicine Image", "Ophthalmic Photography"),
    *("VL Endoscopic", "VL Microscopic", "VL Slide-Coordinates", "VL Photographic"),
)
"""How the names begin that PS3.4, B.5, gives the storage classes of images; others are refused."""


def is_image(kind: str) -> bool:
    """Whether a storage class, by its UID, is one of images that are taken."""
    return UID(kind).name.startswith(_IMAGES)


def _name(kind: UID) -> str:
    return f'"{kind.name}"' if kind.name != kind else "of a class that is not in PS3.4"
