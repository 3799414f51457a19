"""TIFF, OME-TIFF and BigTIFF as one scan format."""

from imaging.formats.format import ScanFormat
from imaging.formats.tiff.clean_copy import write_clean_copies
from imaging.formats.tiff.read import SIGNATURES, list_parts, open_tiff, verify_tiff

SCAN = ScanFormat(
    name="tiff",
    title="TIFF",
    endings=(".tif", ".tiff", ".svs", ".ndpi", ".scn", ".bif"),
    media_type="image/tiff",
    dimensions=(2, 3),
    recognises=lambda start: start.starts_with(*SIGNATURES),
    open=open_tiff,
    verify=verify_tiff,
    parts=list_parts,
    extract=write_clean_copies,
    deidentify=write_clean_copies,
)
