"""What a series is called in lists."""

from pydicom import Dataset


def series_name(header: Dataset) -> str:
    """Modality and number of the series of a header, without patient data."""
    kind, number = str(header.get("Modality") or "DICOM")[:16], header.get("SeriesNumber")
    return kind if number is None else f"{kind} series {str(number)[:12]}"
