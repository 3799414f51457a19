# mypy: allow-untyped-calls
"""The header of a NIfTI file that Tessera makes from another: numbers, without text."""

from nibabel.nifti1 import Nifti1Header

_TEXT = ("descrip", "aux_file", "intent_name")
_NIFTI_1_TEXT = ("data_type", "db_name")
_NO_EXTENSIONS = bytes(4)


def single_header(raw: Nifti1Header) -> bytes:
    """The header of one file that holds header and voxels, without text and extensions.

    The voxels follow directly. Everything else stays as it is.
    """
    single = raw.copy()
    single["vox_offset"] = single.single_vox_offset
    single["magic"] = single.single_magic
    for field in (*_TEXT, *(name for name in _NIFTI_1_TEXT if name in single.keys())):  # noqa: SIM118
        single[field] = b""
    return bytes(single.binaryblock) + _NO_EXTENSIONS
