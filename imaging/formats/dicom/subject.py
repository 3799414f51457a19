"""Whose image a DICOM file is, by pseudonym."""

from pathlib import Path

from imaging.errors import TesseraError
from imaging.formats.dicom.deflated import read_header
from imaging.formats.dicom.display import subject_of

_TAGS = (
    *("PatientID", "PatientName", "PatientBirthDate"),
    *("PatientIdentityRemoved", "SpecificCharacterSet"),
)


def subject_of_file(path: Path, secret: bytes) -> str | None:
    """The pseudonym as in `ScanDisplay.subject`, empty where the file names no patient; None if it
    is not DICOM, or cannot be read. `secret`: the key of the pseudonyms."""
    try:
        with path.open("rb") as file:
            header = read_header(file, _TAGS)
        return subject_of(header, secret)
    except FileNotFoundError:
        raise
    except TesseraError:
        return None
    except Exception:  # noqa: BLE001 - pydicom raises many kinds for a damaged file
        return None
