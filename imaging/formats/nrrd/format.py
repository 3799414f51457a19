"""NRRD as a scan format and as a mask format."""

from imaging.formats.format import MaskFormat, ScanFormat
from imaging.formats.nrrd.extract import extract_nrrd
from imaging.formats.nrrd.fields import SIGNATURE
from imaging.formats.nrrd.pair import PAIR
from imaging.formats.nrrd.read import nrrd_parts, open_nrrd, verify_nrrd
from imaging.formats.nrrd.write import write_mask_nrrd

_NAME = "nrrd"
_TITLE = "NRRD"
_ENDINGS = (".nrrd",)
_MEDIA_TYPE = "application/octet-stream"

SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(3,),
    recognises=lambda start: start.starts_with(SIGNATURE),
    open=open_nrrd,
    verify=verify_nrrd,
    parts=nrrd_parts,
    extract=extract_nrrd,
    pair=PAIR,
    deidentify=extract_nrrd,
)

MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    write=lambda path, segmentation: write_mask_nrrd(path, segmentation.mask, segmentation.scan),
)
