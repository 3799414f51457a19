"""What a viewer shows of a DICOM scan's header: windows, series, date, and the patient's pseudonym.

Free text, such as the series description, may contain names and is left out.
"""

from datetime import datetime

from pydicom import Dataset
from pydicom.uid import UID

from imaging.formats.dicom.display_windows import display_windows, is_shown_inverted
from imaging.formats.dicom.object_header import text
from imaging.formats.dicom.pseudonyms import patient_pseudonym
from imaging.formats.dicom.readable_element import readable_element
from imaging.formats.dicom.stack import Stack
from imaging.scan_display import ScanDisplay, ValueUnit

_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate")
_DUMMY = "1900-01-01"
"""What de-identification puts in place of a date that must be there (PS3.15, E.1)."""


def display_of(stack: Stack, secret: bytes) -> ScanDisplay:
    """`secret`: the key of the pseudonyms. Reads no file."""
    first = stack.frames[0]
    header = first.instance.header
    return ScanDisplay(
        windows=display_windows(stack.frames),
        inverted=is_shown_inverted(first),
        value_unit=value_unit_of(stack),
        subject=subject_of(header, secret),
        series_number=_number(header),
        study_date=_date(header),
        study=_uid(header, "StudyInstanceUID"),
        frame_of_reference=_uid(header, "FrameOfReferenceUID"),
    )


def value_unit_of(stack: Stack) -> ValueUnit:
    """HU where every frame is CT and states no other unit (PS3.3 C.11.1.1.2). Reads no file."""
    hounsfield = (frame.is_hounsfield and not frame.scale.mapped for frame in stack.frames)
    return "HU" if all(hounsfield) else ""


def subject_of(header: Dataset, secret: bytes) -> str:
    """The PatientID of a de-identified file, which is a pseudonym; else the pseudonym that
    de-identification would put in its place."""
    if _text(header, "PatientIdentityRemoved").upper() == "YES":
        return text(_text(header, "PatientID"))
    return patient_pseudonym(header, secret)


def _date(header: Dataset) -> str | None:
    """None also for dates that de-identification shifted: they are not the true ones."""
    if _text(header, "LongitudinalTemporalInformationModified").upper() in ("REMOVED", "MODIFIED"):
        return None
    dates = (_as_date(_text(header, keyword)) for keyword in _DATES)
    return next((date for date in dates if date not in (None, _DUMMY)), None)


def _as_date(value: str) -> str | None:
    try:
        return datetime.strptime(value.replace(".", ""), "%Y%m%d").date().isoformat()  # noqa: DTZ007
    except ValueError:
        return None


def _number(header: Dataset) -> int | None:
    try:
        number = int(_text(header, "SeriesNumber"))
    except ValueError:
        return None
    return number if abs(number) < 1 << 31 else None  # VR IS


def _uid(header: Dataset, keyword: str) -> str:
    """Empty also for a value that is no UID (PS3.5, 9.1): it would join scans at random."""
    value = UID(_text(header, keyword))
    return str(value) if value.is_valid else ""


def _text(header: Dataset, keyword: str) -> str:
    element = readable_element(header, keyword)
    return "" if element is None else str(element.value or "").strip()
