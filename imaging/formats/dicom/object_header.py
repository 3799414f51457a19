"""The header that every written DICOM object has: patient, study, equipment and times."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from importlib.metadata import version

from pydicom import DataElement, Dataset
from pydicom.config import RAISE
from pydicom.valuerep import validate_value

from imaging.formats.dicom.readable_element import readable_element
from imaging.formats.dicom.uids import uid
from imaging.mask_description import MaskDescription

MANUFACTURER = "Tessera"
SUPPLIED = "Supplied mask"
"""Title of a mask that a user supplied; at most 16 characters (VR SH)."""
PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
"""Type 2 attributes of the Patient module (PS3.3 C.7.1.1)."""
STUDY = ("StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber")
"""Type 2 attributes of the General Study module (PS3.3 C.7.2.1)."""
_OPTIONAL = (
    *("IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence"),
    *("PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence"),
    *("StudyInstanceUID", "StudyDescription", "IssuerOfAccessionNumberSequence"),
    *("PatientAge", "PatientSize", "PatientWeight", "TimezoneOffsetFromUTC"),
)
COPIED = (*PATIENT, *STUDY, *_OPTIONAL)
"""Every attribute that is copied from the source."""
_METHODS = {"DeidentificationMethod", "DeidentificationMethodCodeSequence"}
UTF8 = "ISO_IR 192"
"""The character set that can hold the names of any source and any label."""
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)")


@dataclass(frozen=True, slots=True)
class ObjectHeader:
    """Identity of one object, from which its header is written."""

    uid: str
    """SOPInstanceUID."""
    created_at: float
    """Seconds since the epoch."""
    series_number: int

    @property
    def series_uid(self) -> str:
        """SeriesInstanceUID: each object is a series of its own."""
        return uid("series", self.uid)

    def tracking_uid(self, number: int) -> str:
        """TrackingUID of a segment, by its number."""
        return uid("segment", self.uid, str(number))

    def write_to(self, target: Dataset, source: Dataset, description: MaskDescription) -> None:
        """Adds the source's patient and study, and the object's own series, equipment and times."""
        target.SpecificCharacterSet = UTF8
        copy(target, source, (*PATIENT, *STUDY), empty=True)
        copy(target, source, _OPTIONAL)
        if target.get("PatientIdentityRemoved") == "YES" and not _METHODS & set(target.dir()):
            target.DeidentificationMethod = "not stated"  # required with YES (C.7.1.1)
        target.SOPInstanceUID = self.uid
        target.SeriesInstanceUID = self.series_uid
        target.SeriesNumber = self.series_number
        target.InstanceNumber = 1
        maker, its_version = made_by(description)
        title = SUPPLIED if description.supplied else f"{maker} {its_version}"
        ending = ", corrected" if description.corrected else ""
        target.SeriesDescription = text(title, 64 - len(ending)) + ending
        target.Manufacturer = MANUFACTURER
        target.ManufacturerModelName = text(maker)
        target.SoftwareVersions = version("tessera-seg")
        target.DeviceSerialNumber = text(f"{maker}-{its_version}")
        self._write_times(target, source)

    def date_and_time(self, source: Dataset) -> tuple[str, str]:
        """Date and time (VR DA and TM) in the time zone of the source, or else of this machine."""
        when = datetime.fromtimestamp(self.created_at, _zone(source))
        return when.strftime("%Y%m%d"), when.strftime("%H%M%S")

    def write_content_time(self, target: Dataset, source: Dataset) -> None:
        """Adds ContentDate and ContentTime."""
        target.ContentDate, target.ContentTime = self.date_and_time(source)

    def _write_times(self, target: Dataset, source: Dataset) -> None:
        date, time = self.date_and_time(source)
        target.InstanceCreationDate = target.SeriesDate = date
        target.InstanceCreationTime = target.SeriesTime = time
        for equipment in target.get("ContributingEquipmentSequence", ()):
            equipment.ContributionDateTime = date + time


def made_by(description: MaskDescription) -> tuple[str, str]:
    """Name and version of the model, or of Tessera for a mask that no network made."""
    if description.supplied:
        return MANUFACTURER, version("tessera-seg")
    return description.algorithm, description.version


def copy(target: Dataset, source: Dataset, keywords: Iterable[str], *, empty: bool = False) -> None:
    """Copies elements with a valid value. With `empty`, the others are added without a value."""
    for keyword in keywords:
        element = readable_element(source, keyword)
        if element is not None and not element.is_empty and _sound(modern := _modern(element)):
            target.add(modern)
        elif empty:
            setattr(target, keyword, "")


def _modern(element: DataElement) -> DataElement:
    """Removes the punctuation of ACR-NEMA dates and times, which PS3.5 6.2 forbids."""
    mark = {"DA": ".", "TM": ":"}.get(element.VR, "")
    if not mark or mark not in str(element.value):
        return element
    return DataElement(element.tag, element.VR, str(element.value).replace(mark, ""))


def _sound(element: DataElement) -> bool:
    """Whether a date, time, age or code string is valid; other VRs are not checked."""
    if element.VR not in ("DA", "TM", "AS", "CS"):
        return True
    try:
        validate_value(element.VR, str(element.value), RAISE)
    except ValueError:
        return False
    return True


def text(words: str, longest: int = 64) -> str:
    """`words` as a value of VR LO: no control characters or backslashes, cut to length."""
    return re.sub(r"[\x00-\x1f\x7f\\]+", " ", words).strip()[:longest].strip()


def _zone(source: Dataset) -> tzinfo | None:
    """The time zone of TimezoneOffsetFromUTC, which applies to every time of an object."""
    element = readable_element(source, "TimezoneOffsetFromUTC")
    given = _OFFSET.fullmatch("" if element is None else str(element.value))
    if given is None:
        return datetime.now().astimezone().tzinfo
    offset = timedelta(hours=int(given[2]), minutes=int(given[3]))
    return timezone(offset if given[1] == "+" else -offset) if offset < _DAY else None


_DAY = timedelta(days=1)
