"""A DICOM Structured Report of the measurements (PS3.16, TID 1500) as a report format."""

from imaging.formats.dicom.formats.media_type import MEDIA_TYPE
from imaging.formats.dicom.formats.possible import has_planes
from imaging.formats.dicom.formats.writer import writer
from imaging.formats.format import ReportFormat

REPORT = ReportFormat(
    name="dicom-sr",
    title="DICOM SR",
    endings=(".sr.dcm", ".dcm"),
    media_type=MEDIA_TYPE,
    scan_format="dicom",
    possible=has_planes,
    delivery="default",
    write_object=writer("dicom-sr"),
)
