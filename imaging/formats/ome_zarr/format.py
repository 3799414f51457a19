"""OME-Zarr as a scan format and as a mask format."""

from imaging.formats.archive import ZIP_SIGNATURE
from imaging.formats.file_start import FileStart
from imaging.formats.format import MaskFormat, ScanFormat
from imaging.formats.ome_zarr.parts import extract_ome_zarr, ome_zarr_parts
from imaging.formats.ome_zarr.read import is_ome_zarr, open_ome_zarr, verify_ome_zarr
from imaging.formats.ome_zarr.write import write_ome_zarr

_NAME = "ome-zarr"
_TITLE = "OME-Zarr"
_ENDINGS = (".ome.zarr", ".ome.zarr.zip")
_MEDIA_TYPE = "application/zip"


def _recognises(start: FileStart) -> bool:
    return (start.is_folder or start.starts_with(ZIP_SIGNATURE)) and is_ome_zarr(start.path)


SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(2, 3),
    recognises=_recognises,
    open=open_ome_zarr,
    verify=verify_ome_zarr,
    parts=ome_zarr_parts,
    extract=extract_ome_zarr,
)

MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    download_ending=".ome.zarr.zip",
    media_type=_MEDIA_TYPE,
    write=lambda path, segmentation: write_ome_zarr(path, segmentation.mask, segmentation.scan),
)
