"""NIfTI as a scan format and as a mask format."""

from imaging.formats.file_start import FileStart
from imaging.formats.foreign import GZIPPED_DICOM
from imaging.formats.format import MaskFormat, ScanFormat
from imaging.formats.nifti.header import byte_order
from imaging.formats.nifti.pair import PAIR
from imaging.formats.nifti.parts import extract_nifti, nifti_parts
from imaging.formats.nifti.read import open_nifti, verify_nifti
from imaging.formats.nifti.write import write_mask_volume

_NAME = "nifti"
_TITLE = "NIfTI"
_ENDINGS = (".nii.gz", ".nii")
_MEDIA_TYPE = "application/x-nifti"


def _recognises(start: FileStart) -> bool:
    """The preamble of a DICOM file may begin as a header does, also in a gzip stream."""
    head = start.inflated()
    return byte_order(head) is not None and not GZIPPED_DICOM.recognises(head)


SCAN = ScanFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    dimensions=(3,),
    recognises=_recognises,
    open=open_nifti,
    verify=verify_nifti,
    parts=nifti_parts,
    extract=extract_nifti,
    pair=PAIR,
    deidentify=extract_nifti,
)


MASK = MaskFormat(
    name=_NAME,
    title=_TITLE,
    endings=_ENDINGS,
    media_type=_MEDIA_TYPE,
    stored_for=(3,),
    write=lambda path, segmentation: write_mask_volume(path, segmentation.mask, segmentation.scan),
)
