"""De-identified volumes: planted marks are searched for in every byte of what is stored."""

import gzip
from pathlib import Path

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know
from nibabel.freesurfer.mghformat import MGHImage

from imaging.box import Box
from imaging.formats import mask_file
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
        assert without_unit(scan) == without_unit(source)
        assert len(scan.warnings) == len(source.warnings)
    return scan


def without_unit(scan: Scan) -> list[str]:
    """The warnings, without the one about the unit of length: a wrong unit becomes no unit."""
    return [warning for warning in scan.warnings if " unit" not in warning]


def inflated(data: bytes) -> bytes:
    """The content of a gzip stream, or the data itself."""
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


DIRECTIONS = {"space directions": "(0,1.5,0) (-2,0,0) (0,0,3)"}
SPACES: dict[str, dict[str, str]] = {
    "known": {"space": "RAS", **DIRECTIONS, "space origin": "(9,-4,7)"},
    "no space": {"space dimension": "3", **DIRECTIONS, "space origin": "(9,-4,7)"},
    "another space": {"space": "scanner-xyz", **DIRECTIONS},
    "spacings": {"spacings": "2 3 4", "units": '"cm" "cm" "cm"'},
    "one spacing": {"spacings": "nan 3 nan"},
    "no spacings": {},
    "no directions": {"space": "LAS", "spacings": "2 3 4", "space origin": "(9,-4,7)"},
    "an origin alone": {"space dimension": "3", "space origin": "(9,-4,7)"},
    "no known unit": {"space": "RAS", **DIRECTIONS, "space units": '"JANE" "JANE" "JANE"'},
    "no unit": {"spacings": "2 3 4", "units": '"JANE" "" ""'},
}


def nrrd_file(position: dict[str, str], parts: int, encoding: str) -> bytes:
    """A file with marks in all that is no number, and around the voxels."""
    axis, size = ("4", " 2") if parts > 1 else ("3", "")
    fields = {
        "content": "JANE", "type": "short", "dimension": axis, "sizes": f"3 4 5{size}",
        "endian": "little", "encoding": encoding, "labels": '"JANE" "JANE" "JANE"',
        "sample units": "JANE", "number": "JANE", "measurement frame": "JANE", "JANE": "JANE",
        "centerings": "JANE", "thicknesses": "JANE", "old min": "JANE", "axis mins": "JANE",
        "byte skip": "8", **position,
    }  # fmt: skip
    if parts > 1:
        fields["kinds"] = "domain domain domain list"
        more = {"space directions": " none", "spacings": " nan", "units": ' ""'}
        fields |= {name: fields[name] + end for name, end in more.items() if name in fields}
    lines = ["NRRD0005", "# JANE", "JANE:=JANE", *(f"{n}: {text}" for n, text in fields.items())]
    data = MARK * 2 + VALUES.tobytes("F") * parts
    end = MARK * 4
    return "\n".join([*lines, "", ""]).encode() + (
        gzip.compress(data) + end if encoding == "gzip" else data + end
    )


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("name", SPACES)
def test_nrrd(tmp_path: Path, name: str, encoding: str, parts: int) -> None:
    scan = check(nrrd_file(SPACES[name], parts, encoding), tmp_path, parts=parts)
    source = tmp_path / "single.nrrd"
    source.write_bytes(nrrd_file(SPACES[name], 1, encoding))
    expected = open_scan(source)
    assert np.array_equal(scan.affine, expected.affine)
    words = "left and right"
    unknown = "known" not in name
    assert any(words in warning for warning in scan.warnings) == unknown
    assert without_unit(scan) == without_unit(expected)
    assert len(scan.warnings) == len(expected.warnings)

    mask_file.write(tmp_path / "mask.nrrd", np.ones(SHAPE, np.uint8), expected)
    mask = open_scan(tmp_path / "mask.nrrd")
    assert np.array_equal(mask.affine, expected.affine)
    assert any(words in warning for warning in mask.warnings) == unknown
    voxels, _ = nrrd.read(str(tmp_path / "mask.nrrd"))
    assert np.array_equal(voxels, np.ones(SHAPE))
    if name != "no directions":  # ITK refuses spacings in a space, in the source as well
        made = (tmp_path / "work" / "part-1").rename(tmp_path / "made.nrrd")
        assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(made))).T, VALUES)


def mgh(parts: int, *, placed: bool) -> bytes:
    """A file with marks in all that is no number, and after the voxels."""
    values = np.repeat(VALUES[..., np.newaxis], parts, 3) if parts > 1 else VALUES
    content = bytearray(MGHImage(values, AFFINE).to_bytes())
    content[24:28], content[90:284] = MARK, (MARK * 50)[:194]
    if not placed:
        content[28:30], content[30:90] = bytes(2), MARK * 15
    return bytes(content) + b"\0\0\0\3" + MARK * 9


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("placed", [False, True])
def test_mgh(tmp_path: Path, placed: bool, packed: bool, parts: int) -> None:
    data = mgh(parts, placed=placed)
    scan = check(gzip.compress(data) if packed else data, tmp_path, parts=parts)
    assert any("left and right" in warning for warning in scan.warnings) == (not placed)
    if placed:
        assert np.allclose(scan.affine, AFFINE, atol=1e-6)


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
