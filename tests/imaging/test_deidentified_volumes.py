"""De-identified volumes: planted marks are searched for in every byte of what is stored."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from imaging.box import Box
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import Scan

MARK = b"JANE"
SHAPE = (3, 4, 5)
VALUES = np.arange(60, dtype="<i2").reshape(SHAPE)
AFFINE = np.array([[0, -2.0, 0, 9], [1.5, 0, 0, -4], [0, 0, 3, 7], [0, 0, 0, 1]])


def check(data: bytes, folder: Path, *, parts: int = 1) -> Scan:
    """The de-identified scan, as it is opened; no mark is left, and the first part is VALUES."""
    path, work = folder / "sent", folder / "work"
    work.mkdir()
    path.write_bytes(data)
    assert MARK in inflated(data)
    selection = ScanSelection(deidentify=True, volume=1)
    (one,), _ = incoming_scans([path], work, Limits(), selection, b"secret")
    stored = one.path.read_bytes()
    assert MARK not in stored
    assert MARK not in inflated(stored)
    scan = verify(one.path)
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0], VALUES)
    if parts == 1:
        source = open_scan(path)
        assert np.array_equal(scan.affine, source.affine)
        assert scan.warnings == source.warnings
    return scan


def inflated(data: bytes) -> bytes:
    """The content of a gzip stream, or the data itself."""
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


USED = {
    *("sizeof_hdr", "magic", "eol_check", "dim", "datatype", "bitpix", "pixdim", "vox_offset"),
    *("scl_slope", "scl_inter", "xyzt_units", "qform_code", "sform_code", "intent_code"),
    *("cal_max", "cal_min", "slice_duration", "toffset", "dim_info", "slice_code"),
    *("slice_start", "slice_end"),
}
"""Fields of a NIfTI header that no mark is planted in; the position is added to them."""
QFORM = {"quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"}
SFORM = {"srow_x", "srow_y", "srow_z"}


def nifti(kind: type[nib.Nifti1Image], form: str, parts: int) -> bytes:
    """A file with marks in all fields that hold no number that is used, and around the voxels."""
    values = np.repeat(VALUES[..., np.newaxis], parts, 3) if parts > 1 else VALUES
    image = kind(values, AFFINE)
    image.set_sform(AFFINE, int(form == "sform"))
    image.set_qform(AFFINE, int(form == "qform"))
    header = image.header
    header["pixdim"][5:] = np.frombuffer(MARK, "<f4")[0]
    header["vox_offset"] = header.sizeof_hdr + 4 + 32
    dtype = header.template_dtype
    content = bytearray(header.binaryblock)
    keep = USED | {"sform": SFORM, "qform": QFORM}.get(form, set())
    for name in dtype.names or ():
        if name not in keep:
            of_field, at = (dtype.fields or {})[name][:2]
            content[at : at + of_field.itemsize] = (MARK * 30)[: of_field.itemsize]
    extension = (16).to_bytes(4, "little") + (6).to_bytes(4, "little") + MARK * 2
    between = b"\1\0\0\0" + extension + MARK * 4
    return bytes(content) + between + values.tobytes("F") + MARK * 5


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("form", ["sform", "qform", "neither"])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
def test_nifti(
    tmp_path: Path, kind: type[nib.Nifti1Image], form: str, packed: bool, parts: int
) -> None:
    data = nifti(kind, form, parts)
    scan = check(gzip.compress(data) if packed else data, tmp_path, parts=parts)
    if form != "neither":
        assert np.allclose(scan.affine, AFFINE, atol=1e-6)
    assert any("left and right" in warning for warning in scan.warnings) == (form == "neither")
