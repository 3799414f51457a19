"""DICOM as a scan format: a single file, or a series packed into one file."""

from imaging.formats.dicom.formats.media_type import MEDIA_TYPE
from imaging.formats.dicom.open import open_dicom
from imaging.formats.dicom.pack import is_pack
from imaging.formats.dicom.unpack import is_dicom
from imaging.formats.format import ScanFormat

SCAN = ScanFormat(
    name="dicom",
    title="DICOM",
    endings=(".dcm",),
    media_type=MEDIA_TYPE,
    dimensions=(2, 3),
    recognises=lambda start: is_pack(start.head) or is_dicom(start.head),
    open=open_dicom,
    verify=open_dicom,  # pixels are decoded when they are read
)
