"""A DICOM Label Map Segmentation (PS3.3, A.93), for many labels, as a mask format."""

from imaging.formats.dicom.formats.media_type import MEDIA_TYPE
from imaging.formats.dicom.formats.possible import has_planes
from imaging.formats.dicom.formats.writer import writer
from imaging.formats.format import MaskFormat

MASK = MaskFormat(
    name="dicom-labelmap",
    title="DICOM label map",
    endings=(".labelmap.dcm",),
    media_type=MEDIA_TYPE,
    scan_format="dicom",
    possible=has_planes,
    delivery="on request",
    fallback="dicom-seg",
    needs_description=True,
    write=writer("dicom-labelmap"),
)
