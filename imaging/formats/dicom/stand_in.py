"""A minimal copy of an instance, for libraries that take instances to refer to."""

from pydicom import Dataset

from imaging.formats.dicom.object_header import PATIENT, STUDY

_IDENTIFIERS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


def stand_in(header: Dataset) -> Dataset:
    """The UIDs of an instance, with empty attributes of patient and study."""
    item = Dataset()
    for keyword in (*PATIENT, *STUDY):
        setattr(item, keyword, "")
    for keyword in _IDENTIFIERS:
        setattr(item, keyword, header[keyword].value)
    return item
