"""JPEG as a scan format."""

from imaging.formats.format import ScanFormat, only_part
from imaging.formats.jpeg.metadata import deidentify_jpeg
from imaging.formats.jpeg.read import SIGNATURE, open_jpeg, verify_jpeg

SCAN = ScanFormat(
    name="jpeg",
    title="JPEG",
    endings=(".jpg", ".jpeg"),
    media_type="image/jpeg",
    dimensions=(2,),
    recognises=lambda start: start.starts_with(SIGNATURE),
    open=lambda path, limits, _scratch: open_jpeg(path, limits),
    verify=verify_jpeg,
    deidentify=only_part(deidentify_jpeg),
)
