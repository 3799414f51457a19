"""Parses the header of a DICOM file, once, and checks that its pixels can be decoded."""

import io
from dataclasses import dataclass
from typing import Any, BinaryIO

from pydicom import Dataset, dcmread
from pydicom.tag import Tag
from pydicom.uid import UID, AllTransferSyntaxes

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.dicom.deflated import PIXEL_DATA, DeflatedFile, read_header
from imaging.formats.dicom.instance import Instance, Opener
from imaging.formats.dicom.missing_meta import completed
from imaging.formats.dicom.mosaic import MOSAIC_COUNT, UIH_GRID
from imaging.formats.dicom.pixel_description import DISPLAY_ONLY, check_pixel_description
from imaging.formats.dicom.readable_element import readable_element

KEPT: tuple[str | int, ...] = (
    *("SpecificCharacterSet", "ImageType", "SOPClassUID", "SOPInstanceUID", "Modality"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "FrameOfReferenceUID"),
    *("SeriesDescription", "BodyPartExamined", "BurnedInAnnotation", "PatientIdentityRemoved"),
    *(
        "InstanceNumber",
        "AcquisitionNumber",
        "AcquisitionTime",
        "ContentTime",
        "AcquisitionDateTime",
    ),
    *("TemporalPositionIdentifier", "TemporalPositionIndex", "TriggerTime", "FrameReferenceTime"),
    *("EchoTime", "EchoNumbers", "InversionTime", "DiffusionBValue", "FlipAngle"),
    *("ImageOrientationPatient", "ImagePositionPatient", "SliceThickness", "SpacingBetweenSlices"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence"),
    "RealWorldValueMappingSequence",
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "RedPaletteColorLookupTableDescriptor"),
    *("TotalPixelMatrixRows", "TotalPixelMatrixColumns", "TotalPixelMatrixFocalPlanes"),
    *("NumberOfOpticalPaths", "DimensionOrganizationType", "DimensionIndexSequence"),
    *("ConcatenationUID", "InConcatenationNumber", "InConcatenationTotalNumber"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
    *(*UIH_GRID, *MOSAIC_COUNT),
    *DISPLAY_ONLY,
)
"""Attributes that an Instance keeps of its header."""
_KEPT_TAGS = [Tag(name) for name in KEPT]
_UNDEFINED = 0xFFFFFFFF
"""Length of compressed pixel data, which is a sequence of fragments (PS3.5, A.4)."""


@dataclass(frozen=True, slots=True)
class _Parsed:
    header: Dataset
    syntax: UID
    """Transfer syntax."""
    pixel_bytes: int | None
    """Size of the pixel data; None where there is none."""


def read_instance(open_file: Opener) -> Instance:
    """The instance in a file; raises UnreadableScan, UnsupportedScan or ScanTooLarge, no other."""
    try:
        open_file = completed(open_file)
        with open_file() as file:
            parsed = _parse(file)
    except TesseraError:
        raise
    except Exception as error:  # pydicom raises many kinds for a damaged file
        raise _damaged() from error
    return _checked(parsed, open_file)


def instance_of(dataset: Dataset, open_file: Opener) -> Instance:
    """The instance of a complete data set that is in memory already; raises as `read_instance`."""
    try:
        parsed = _of_dataset(dataset)
    except Exception as error:  # values are decoded when they are accessed
        raise _damaged() from error
    return _checked(parsed, open_file)


def series_uid_of(open_file: Opener) -> str:
    """SeriesInstanceUID of a file that may be damaged; "" where it cannot be read."""
    try:
        with open_file() as file:
            tags = ["SeriesInstanceUID"]
            header = read_header(file, tags, force=True)
            return str(header.get("SeriesInstanceUID") or "")
    except Exception:  # noqa: BLE001 - pydicom raises many kinds for a damaged file
        return ""


def _checked(parsed: _Parsed, open_file: Opener) -> Instance:
    try:
        check_pixel_description(parsed.header, parsed.syntax, parsed.pixel_bytes)
    except TesseraError:
        raise
    except Exception as error:  # values are decoded when they are accessed
        raise UnreadableScan(
            "An attribute that describes the pixels of the DICOM file has no valid value.",
            expected="Rows, Columns, Bits Allocated and related attributes as in PS3.3, C.7.6.3.",
            hint="Export the image again.",
        ) from error
    return Instance(parsed.header, open_file)


def _parse(file: BinaryIO) -> _Parsed:
    deflated = DeflatedFile.of(file)
    if deflated is not None:
        header = deflated.header(_KEPT_TAGS)
        syntax = header.file_meta.TransferSyntaxUID
        return _Parsed(header, syntax, _pixel_bytes(deflated.head, syntax, deflated.size))
    file.seek(0)
    header = dcmread(file, stop_before_pixels=True, force=True, specific_tags=_KEPT_TAGS)
    syntax = UID(str(header.file_meta.get("TransferSyntaxUID", "")))
    return _Parsed(header, syntax, _pixel_bytes(file, syntax, _size_of(file)))


def _size_of(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    return size


def _of_dataset(dataset: Dataset) -> _Parsed:
    header = Dataset()
    header.file_meta = dataset.file_meta
    for keyword in KEPT:
        if keyword in DISPLAY_ONLY:
            element = readable_element(dataset, keyword)
            header.update({} if element is None else {element.tag: element})
        elif keyword in dataset:
            header.add(dataset[keyword])
    values = [dataset.get_item(tag) for tag in PIXEL_DATA if tag in dataset]
    size = len(values[0].value or b"") if values else None
    return _Parsed(header, UID(str(dataset.file_meta.get("TransferSyntaxUID", ""))), size)


def _pixel_bytes(file: BinaryIO, syntax: UID, size: int) -> int | None:
    """Size of the pixel data that begins at the file's position, as far as the file of `size` bytes
    holds it."""
    start, begin = file.read(12), file.tell()
    left = size - begin
    little = not (syntax in AllTransferSyntaxes and not syntax.is_little_endian)
    order: Any = "little" if little else "big"
    tag = (int.from_bytes(start[:2], order) << 16) + int.from_bytes(start[2:4], order)
    if tag not in PIXEL_DATA:
        return None
    explicit = start[4:6] in (b"OB", b"OW", b"OF", b"OD", b"UN")
    length = int.from_bytes(start[8:12] if explicit else start[4:8], order)
    if length == _UNDEFINED and not (syntax in AllTransferSyntaxes and syntax.is_encapsulated):
        raise UnreadableScan(
            "The pixel data is compressed, but the file names no transfer syntax of compression.",
            expected="Transfer Syntax UID (0002,0010) of the compression (PS3.5, A.4).",
            hint="Export the image again as a DICOM file, with its file meta information.",
        )
    # the value begins after twelve bytes, or after eight with implicit VR (PS3.5, 7.1.2 and 7.1.3)
    return min(length, left if explicit else left + 4)


def _damaged() -> UnreadableScan:
    return UnreadableScan(
        "The DICOM file is damaged: its attributes cannot be read.",
        expected="A data set as defined by PS3.10.",
        hint="Export the image again.",
    )
