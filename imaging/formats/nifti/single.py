# mypy: allow-untyped-calls
"""The header of a NIfTI file that Tessera makes from another: numbers, without text."""

from collections.abc import Iterator

from nibabel.nifti1 import Nifti1Header

_NUMBERS = (
    *("dim_info", "dim", "intent_code", "datatype", "bitpix", "pixdim"),
    *("scl_slope", "scl_inter", "cal_max", "cal_min"),
    *("slice_start", "slice_end", "slice_code", "slice_duration", "toffset", "xyzt_units"),
    *("qform_code", "sform_code"),
)
"""Fields that are copied; the others hold text, or nothing that a reader uses."""
_NUMBERS_OF = {
    "intent_code": ("intent_p1", "intent_p2", "intent_p3"),
    "qform_code": (
        *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    ),
    "sform_code": ("srow_x", "srow_y", "srow_z"),
}
"""Fields that are copied where another field is above 0, and mean nothing elsewhere."""
_SPACE = 3
"""Number of axes in space. Their voxel sizes are read even where the file has fewer axes."""
_NO_EXTENSIONS = bytes(4)


def single_header(raw: Nifti1Header) -> bytes:
    """The header of one file that holds header and voxels, without text and extensions.

    The voxels follow directly. What describes them stays as it is.
    """
    single = type(raw)(endianness=raw.endianness)
    for field in _copied(raw):
        single[field] = raw[field]
    axes = int(raw["dim"][0])
    single["dim"][axes + 1 :], single["pixdim"][max(axes, _SPACE) + 1 :] = 1, 1
    single["vox_offset"] = single.single_vox_offset
    single["magic"] = single.single_magic
    return bytes(single.binaryblock) + _NO_EXTENSIONS


def _copied(raw: Nifti1Header) -> Iterator[str]:
    yield from _NUMBERS
    for code, fields in _NUMBERS_OF.items():
        if int(raw[code]) > 0:
            yield from fields
