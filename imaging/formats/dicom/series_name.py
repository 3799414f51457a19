"""What a series is called in lists."""

from pydicom import Dataset

from imaging.printable import printable


def series_name(header: Dataset) -> str:
    """Modality and number of the series of a header, without patient data."""
    kind = printable(str(header.get("Modality") or ""), 16) or "DICOM"
    number = header.get("SeriesNumber")
    return kind if number is None else f"{kind} series {printable(str(number), 12)}"
