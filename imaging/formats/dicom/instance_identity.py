"""The identity of a DICOM file: the attributes by which it is grouped and routed."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydicom import Dataset, dcmread, dcmwrite

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.dicom.deflated import read_header

_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("Modality", "SeriesDescription", "BodyPartExamined", "SpecificCharacterSet"),
)


@dataclass(frozen=True, slots=True)
class InstanceIdentity:
    """Attributes of one SOP instance; all but the first two may be empty."""

    sop_instance: str
    series: str
    study: str = ""
    sop_class: str = ""
    transfer_syntax: str = ""
    modality: str = ""
    description: str = ""
    """SeriesDescription."""
    body_part: str = ""
    """BodyPartExamined."""
    sender: str = ""
    """SourceApplicationEntityTitle of the file meta information (PS3.10, 7.1)."""


def identify(path: Path) -> InstanceIdentity:
    """Reads the identity of a file, and no pixels.

    Raises UnreadableScan for a file that is not a DICOM instance of a series, ScanTooLarge.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file, _TAGS)
        identity = _identity(header)
    except TesseraError:
        raise
    except Exception as error:  # pydicom raises many kinds for a damaged file
        raise _unreadable() from error
    if not identity.sop_instance or not identity.series:
        raise _unreadable()
    return identity


def load_dataset(source: Path | IO[bytes]) -> Dataset:
    """Reads a complete data set, for libraries that send it; raises UnreadableScan."""
    try:
        return dcmread(source)
    except Exception as error:
        raise _unreadable() from error


def save_dataset(dataset: Dataset, path: Path) -> int:
    """Writes a received data set as a DICOM file; returns its size in bytes.

    Raises UnreadableScan for a data set that is not valid, and OSError.
    """
    try:
        dcmwrite(path, dataset, enforce_file_format=True)
    except (ValueError, AttributeError, TypeError, KeyError) as error:  # no fault of the disk
        raise _unreadable() from error
    return path.stat().st_size


def _identity(header: Dataset) -> InstanceIdentity:
    def text(keyword: str) -> str:
        return str(header.get(keyword) or "").strip(" \0")

    meta = header.file_meta
    return InstanceIdentity(
        sop_instance=text("SOPInstanceUID"),
        series=text("SeriesInstanceUID"),
        study=text("StudyInstanceUID"),
        sop_class=text("SOPClassUID"),
        transfer_syntax=str(meta.get("TransferSyntaxUID") or ""),
        modality=text("Modality"),
        description=text("SeriesDescription"),
        body_part=text("BodyPartExamined"),
        sender=str(meta.get("SourceApplicationEntityTitle") or "").strip(),
    )


def _unreadable() -> UnreadableScan:
    return UnreadableScan(
        "The file is not a readable DICOM instance.",
        expected="A DICOM file with the UIDs of its instance and its series (PS3.10, 7).",
        hint="Export or send it again.",
    )
