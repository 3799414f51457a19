"""TIFF, OME-TIFF and BigTIFF as one scan format."""

from imaging.formats.format import ScanFormat
from imaging.formats.tiff.read import SIGNATURES, open_tiff, verify_tiff

SCAN = ScanFormat(
    name="tiff",
    title="TIFF",
    endings=(".tif", ".tiff"),
    media_type="image/tiff",
    dimensions=(2,),
    recognises=lambda start: start.starts_with(*SIGNATURES),
    open=open_tiff,
    verify=verify_tiff,
)
