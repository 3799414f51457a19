"""A DICOM Segmentation with a binary plane per label (PS3.3, A.51) as a mask format."""

from imaging.formats.dicom.formats.media_type import MEDIA_TYPE
from imaging.formats.dicom.formats.possible import has_planes
from imaging.formats.dicom.formats.writer import writer
from imaging.formats.format import MaskFormat

MASK = MaskFormat(
    name="dicom-seg",
    title="DICOM SEG",
    endings=(".seg.dcm",),
    media_type=MEDIA_TYPE,
    scan_format="dicom",
    possible=has_planes,
    delivery="default",
    needs_description=True,
    write=writer("dicom-seg"),
)
