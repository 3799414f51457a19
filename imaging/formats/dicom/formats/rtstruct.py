"""A DICOM RT Structure Set (PS3.3, A.19) as a mask format."""

from imaging.formats.dicom.formats.media_type import MEDIA_TYPE
from imaging.formats.dicom.formats.possible import has_position
from imaging.formats.dicom.formats.writer import writer
from imaging.formats.format import MaskFormat

MASK = MaskFormat(
    name="dicom-rtstruct",
    title="RT Structure Set",
    endings=(".rtstruct.dcm",),
    media_type=MEDIA_TYPE,
    scan_format="dicom",
    possible=has_position,
    delivery="default",
    needs_description=True,
    write=writer("dicom-rtstruct"),
)
