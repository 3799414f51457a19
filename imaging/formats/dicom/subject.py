"""Whose image a DICOM file is, by pseudonym."""

from pathlib import Path

from pydicom import dcmread

from imaging.errors import TesseraError
from imaging.formats.dicom.deflated import check_inflated_size
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
            check_inflated_size(file)
        header = dcmread(path, stop_before_pixels=True, specific_tags=[*_TAGS])
        return subject_of(header, secret)
    except FileNotFoundError:
        raise
    except TesseraError:
        return None
    except Exception:  # noqa: BLE001 - pydicom raises many kinds for a damaged file
        return None
