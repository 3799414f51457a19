"""What one DICOM file says it is: enough to put it beside its like, and to route it."""

from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydicom import Dataset, dcmread, dcmwrite

from imaging.errors import TesseraError, UnreadableScan
from imaging.formats.dicom.deflated import check_inflated_size

_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("Modality", "SeriesDescription", "BodyPartExamined", "SpecificCharacterSet"),
)


@dataclass(frozen=True, slots=True)
class Identity:
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


def identify(path: Path) -> Identity:
    """Reads no pixels; raises UnreadableScan for what is no DICOM file of a series,
    ScanTooLarge."""
    try:
        with path.open("rb") as file:
            check_inflated_size(file)
        found = dcmread(path, stop_before_pixels=True, specific_tags=[*_TAGS])
        identity = _identity(found)
    except TesseraError:
        raise
    except Exception as error:  # whatever a damaged file makes the library raise
        raise _unreadable() from error
    if not identity.sop_instance or not identity.series:
        raise _unreadable()
    return identity


def load(source: Path | IO[bytes]) -> Dataset:
    """A whole data set, for libraries that send one; raises UnreadableScan."""
    try:
        return dcmread(source)
    except Exception as error:
        raise _unreadable() from error


def save(found: Dataset, path: Path) -> int:
    """Writes a data set that came from elsewhere as a DICOM file; its size in bytes."""
    try:
        dcmwrite(path, found, enforce_file_format=True)
    except (ValueError, AttributeError, TypeError, KeyError) as error:  # no room is told as such
        raise _unreadable() from error
    return path.stat().st_size


def _identity(found: Dataset) -> Identity:
    def text(keyword: str) -> str:
        return str(found.get(keyword) or "").strip(" \0")

    meta = found.file_meta
    return Identity(
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
        "The bytes are no DICOM instance that can be read.",
        expected="A DICOM file with the UIDs of its instance and its series (PS3.10, 7).",
        hint="Export or send it again.",
    )
