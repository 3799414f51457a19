"""A header and its voxels in two files, in one upload or archive; nibabel, SimpleITK and pynrrd
are the oracles."""

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import nibabel as nib
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - the name that its users know

from cli.input_scans import input_scans
from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats.dicom.unpack import is_dicom
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.joined_pair import data_file_of
from imaging.formats.limits import UNLIMITED, Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import Scan
from tests.support.dicom.files import classic
from tests.support.dicom.scans import turned, voxels

SHAPE = (5, 6, 7)
AFFINE = np.array([[0, -2.0, 0, 9], [1.5, 0, 0, -4], [0, 0, 3, 7], [0, 0, 0, 1]])
LIMITS = Limits()


def values(shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.int16).reshape(shape) - 50


def taken(folder: Path, *paths: Path) -> Scan:
    work = folder / "work"
    work.mkdir()
    (one,), _ = incoming_scans(paths, work, LIMITS)
    return verify(one.path)


def whole(scan: Scan) -> np.ndarray:
    return np.asarray(scan.read(Box.whole(scan.grid))[0])


def nifti_1(folder: Path) -> tuple[Path, Path]:
    nib.Nifti1Pair(values(), AFFINE).to_filename(folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


def nifti_1_big_endian(folder: Path) -> tuple[Path, Path]:
    header = nib.nifti1.Nifti1PairHeader(endianness=">")
    image = nib.Nifti1Pair(values(), AFFINE, header)
    image.header.set_slope_inter(0.5, 3)
    image.to_filename(folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


def nifti_1_gzipped(folder: Path) -> tuple[Path, Path]:
    nib.Nifti1Pair(values(), AFFINE).to_filename(folder / "a.img.gz")
    return folder / "a.hdr.gz", folder / "a.img.gz"


def nifti_2(folder: Path) -> tuple[Path, Path]:
    nib.Nifti2Pair(values(), AFFINE).to_filename(folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


def with_offset(folder: Path) -> tuple[Path, Path]:
    image = nib.Nifti1Pair(values(), AFFINE)
    image.header["vox_offset"] = 32
    image.to_filename(folder / "a.hdr")
    return folder / "a.hdr", folder / "a.img"


@pytest.mark.parametrize(
    "pair", [nifti_1, nifti_1_big_endian, nifti_1_gzipped, nifti_2, with_offset]
)
def test_a_nifti_pair_is_read_as_nibabel_reads_it(
    tmp_path: Path, pair: Callable[[Path], tuple[Path, Path]]
) -> None:
    header, data = pair(tmp_path)
    oracle = nib.load(header)
    with pytest.raises(UnsupportedScan, match="header of a NIfTI pair"):
        open_scan(header)
    scan = taken(tmp_path, data, header)
    assert np.array_equal(whole(scan), oracle.get_fdata())
    assert np.array_equal(scan.affine, oracle.affine)
    assert not any("left and right" in warning for warning in scan.warnings)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("unit", [b"mm", b""])
def test_analyze_is_read_as_nibabel_reads_it(
    tmp_path: Path, order: Literal["<", ">"], unit: bytes
) -> None:
    """With the name of a patient where NIfTI-1 has its position, and SPM's scaling."""
    header = nib.spm99analyze.SpmAnalyzeHeader(endianness=order)
    header.set_data_dtype(np.int16)
    header.set_data_shape(SHAPE)
    header.set_zooms((2, 3, 4))
    header["scl_slope"], header["vox_units"] = 0.25, unit
    header["patient_id"], header["descrip"] = b"DOE^JANE", b"DOE^JANE"
    (tmp_path / "a.hdr").write_bytes(header.binaryblock)
    voxels = values().astype(np.dtype(np.int16).newbyteorder(order))
    (tmp_path / "a.img").write_bytes(voxels.tobytes("F"))
    oracle = nib.load(tmp_path / "a.hdr")

    scan = taken(tmp_path, tmp_path / "a.hdr", tmp_path / "a.img")

    assert np.array_equal(whole(scan), oracle.get_fdata())
    assert np.array_equal(scan.affine, oracle.affine)
    assert any("left and right" in warning for warning in scan.warnings)
    assert any("no unit" in warning for warning in scan.warnings) == (unit == b"")
    assert b"DOE" not in (tmp_path / "work" / "joined").read_bytes()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_metaimage_pair_is_read_as_simpleitk_reads_it(tmp_path: Path, compressed: bool) -> None:
    image = sitk.GetImageFromArray(values().transpose())
    image.SetSpacing((1, 2, 3))
    image.SetOrigin((4, 5, 6))
    sitk.WriteImage(image, str(tmp_path / "a.mhd"), compressed)
    data = tmp_path / ("a.zraw" if compressed else "a.raw")
    with pytest.raises(UnsupportedScan, match="in another file"):
        open_scan(tmp_path / "a.mhd")
    scan = taken(tmp_path, tmp_path / "a.mhd", data)
    assert np.array_equal(whole(scan), values())
    assert np.array_equal(scan.affine @ (1, 1, 1, 1), (-5, -7, 9, 1))
    joined = (tmp_path / "work" / "joined").rename(tmp_path / "joined.mha")
    assert np.array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(joined))).T, values())


def test_a_metaimage_with_a_header_in_its_data_file(tmp_path: Path) -> None:
    lines = (
        "ObjectType = Image\nNDims = 3\nDimSize = 5 6 7\nElementType = MET_SHORT\nComment = DOE\n"
        "HeaderSize = 11\nElementSpacing = 1 2 3\nElementDataFile = /etc/passwd\n"
    )
    (tmp_path / "a.mhd").write_text(lines)
    (tmp_path / "passwd").write_bytes(b"DOE^JANE..." + values().tobytes("F") + b"DOE")
    assert np.array_equal(whole(taken(tmp_path, tmp_path / "a.mhd", tmp_path / "passwd")), values())
    assert b"DOE" not in (tmp_path / "work" / "joined").read_bytes()


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_a_detached_nrrd_is_read_as_pynrrd_reads_it(tmp_path: Path, encoding: str) -> None:
    header = {
        "space": "LPS", "space directions": np.diag([1.0, 2, 3]), "space origin": [4.0, 5, 6],
        "encoding": encoding, "space units": ["mm"] * 3, "content": "DOE^JANE",
    }  # fmt: skip
    nrrd.write(str(tmp_path / "a.nhdr"), values(), header, detached_header=True)
    (data,) = (one for one in tmp_path.iterdir() if one.suffix != ".nhdr")
    scan = taken(tmp_path, data, tmp_path / "a.nhdr")
    assert np.array_equal(whole(scan), nrrd.read(str(tmp_path / "a.nhdr"))[0])
    assert np.array_equal(scan.affine @ (1, 1, 1, 1), (-5, -7, 9, 1))
    assert scan.warnings == ()
    assert b"DOE" not in (tmp_path / "work" / "joined").read_bytes()


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_pair_may_be_in_an_archive(tmp_path: Path, kind: str) -> None:
    """With what a file manager adds."""
    header, data = nifti_1(tmp_path)
    path = tmp_path / f"sent.{kind}"
    extra = b"\0\x05\x16\x07" + bytes(200)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("__MACOSX/._a.hdr", extra)
            archive.write(data, "deep/a.img")
            archive.write(header, "deep/a.hdr")
    else:
        with tarfile.open(path, "w") as archive:
            entry = tarfile.TarInfo("._a.hdr")
            entry.size = len(extra)
            archive.addfile(entry, io.BytesIO(extra))
            archive.add(header, "a.hdr")
            archive.add(data, "a.img")
    assert np.array_equal(whole(taken(tmp_path, path)), values())


@pytest.mark.parametrize("names", [("1/a.hdr", "2/a.img"), ("a.hdr", "a/a.img")])
@pytest.mark.parametrize("kind", ["zip", "tar", "folder", "two archives"])
def test_a_header_is_not_joined_with_a_file_of_another_folder(
    tmp_path: Path, kind: str, names: tuple[str, str]
) -> None:
    """They may be of two patients."""
    files = dict(zip(names, nifti_1(tmp_path), strict=True))
    sent = [tmp_path / "sent"]
    if kind == "zip":
        _zip(sent[0], files)
    elif kind == "two archives":
        sent = [tmp_path / "one", tmp_path / "two"]
        for path, (name, file) in zip(sent, files.items(), strict=True):
            _zip(path, {name: file})
    elif kind == "tar":
        with tarfile.open(sent[0], "w") as archive:
            for name, file in files.items():
                archive.add(file, name)
    else:
        for name, file in files.items():
            (sent[0] / name).parent.mkdir(parents=True, exist_ok=True)
            file.rename(sent[0] / name)
    with pytest.raises(BadRequest, match="different folders"):
        taken(tmp_path, *sent)


@pytest.mark.parametrize("names", [("./a.hdr", "a.img"), ("1\\a.hdr", "1/a.img")])
def test_a_folder_may_be_written_in_two_ways(tmp_path: Path, names: tuple[str, str]) -> None:
    header, data = nifti_1(tmp_path)
    _zip(tmp_path / "sent", {names[0]: header, names[1]: data})
    assert np.array_equal(whole(taken(tmp_path, tmp_path / "sent")), values())


def _zip(path: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, file in files.items():
            archive.write(file, name)


def _as_dicom(first: list[int]) -> np.ndarray:
    """Voxels that begin with the given ones; the others are noise."""
    data = np.random.default_rng(7).integers(0, 10, SHAPE, np.int16)
    data[: len(first), 0, 0] = first
    return data


LIKE_DICOM = {
    "tag 0008": [8, 3],
    "tag 0002": [2, 0],
    "tag and length": [8, 3, 2, 0, 5],
    "tag and VR": [8, 5, int.from_bytes(b"CS", "little"), 4],
    "tag in big endian": [0x0800, 0x0500, int.from_bytes(b"CS", "little"), 4],
}


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("first", LIKE_DICOM)
def test_voxels_of_a_pair_may_begin_as_dicom_does(
    tmp_path: Path, first: str, archive: bool
) -> None:
    data = _as_dicom(LIKE_DICOM[first])
    nib.Nifti1Pair(data, AFFINE).to_filename(tmp_path / "a.hdr")
    paths = [tmp_path / "a.img", tmp_path / "a.hdr"]
    if archive:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
            for path in paths:
                packed.write(path, path.name)
        paths = [tmp_path / "a.zip"]
    assert np.array_equal(whole(taken(tmp_path, *paths)), data)


def test_noise_is_not_taken_for_a_data_set_without_preamble() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        noise = rng.integers(0, 10, 256, np.int16)
        noise[:2] = rng.choice([2, 8]), rng.integers(0, 256)
        assert not is_dicom(noise.astype("<i2").tobytes())
    assert not is_dicom(np.full(256, 8, "<i2").tobytes())


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("0800 0500 0a000000 49534f5f49522031303000 0800 0800", False),  # a value of 11 bytes
        ("0800 0000 04000000 12000000 0800 0500 02000000 4953", True),
        ("0800 0600 ffffffff feff 00e0 ffffffff", True),  # a sequence of undefined length
        ("0800 0600 ffffffff feff dde0 00000000", True),  # an empty one
        ("0800 0500 4353 0200 4953", True),
        ("0008 0005 4353 0002 4953", True),
        ("0200 0000 554c 0400 12000000", True),
        ("0200 0000 04000000 12000000 0200 0100 02000000 0001", False),  # implicit file meta
        ("0800 0500 02000000 4953 0800 0500 02000000 4953", False),  # the same tag twice
    ],
)
def test_a_data_set_without_preamble_is_known_by_its_elements(start: str, expected: bool) -> None:
    """By PS3.5, 7.1: tags ascend, and each element states its length."""
    assert is_dicom(bytes.fromhex(start)) is expected


def test_two_dicom_files_are_no_pair(tmp_path: Path) -> None:
    """Their preambles begin as an Analyze header does."""
    paths = []
    for n, image in enumerate(classic(voxels((11, 9, 2)), turned())):
        image.preamble = (348).to_bytes(4, "little") + bytes(124)
        paths.append(tmp_path / f"{n}")
        image.save_as(paths[-1], enforce_file_format=True)
    assert taken(tmp_path, *paths).format == "dicom"


def test_the_volumes_of_a_pair_are_chosen(tmp_path: Path) -> None:
    nib.Nifti1Pair(values((*SHAPE, 2)), AFFINE).to_filename(tmp_path / "a.hdr")
    paths = [tmp_path / "a.hdr", tmp_path / "a.img"]
    work = tmp_path / "work"
    work.mkdir()
    scans, _ = incoming_scans(paths, work, LIMITS, ScanSelection(volume=2))
    assert [(scan.name, scan.named_after) for scan in scans] == [("volume 2 of 2", paths[0])]
    assert np.array_equal(whole(verify(scans[0].path)), values((*SHAPE, 2))[..., 1])


def test_the_command_line_finds_the_data_beside_a_header(tmp_path: Path) -> None:
    header, data = nifti_1(tmp_path)
    for given in ([header], [header, data], [data, header]):
        (one,) = input_scans(given)
        assert one.files == (header, data)
        assert one.path == header
    data.unlink()
    (alone,) = input_scans([header])
    with pytest.raises(UnsupportedScan, match="NIfTI pair"):
        open_scan(alone.prepare(tmp_path / "alone", ScanSelection()), UNLIMITED)


BESIDE = {
    "stated": ("scan.mhd", "scan.raw", ["scan.raw"], "scan.raw"),
    "stated, of two cases": ("scan.mhd", "scan.raw", ["Scan.raw", "scan.raw"], "scan.raw"),
    "stated, of two names": ("other.mhd", "scan.raw", ["other.raw", "scan.raw"], "scan.raw"),
    "another name": ("only.mhd", "scan.raw", ["scan.raw"], "scan.raw"),
    "another ending": ("only.mhd", "scan.bin", ["scan.bin", "only.raw"], "scan.bin"),
    "a path": ("a.mhd", "/elsewhere/scan.raw", ["scan.raw", "a.raw"], "scan.raw"),
    "a path of Windows": ("a.mhd", "C:\\x\\scan.raw", ["scan.raw", "a.raw"], "scan.raw"),
    "stated in another case": ("a.mhd", "SCAN.RAW", ["scan.raw", "a.raw"], "scan.raw"),
    "renamed together": ("a.mhd", "scan.raw", ["a.raw", "A.raw"], "a.raw"),
    "renamed in another case": ("a.mhd", "scan.raw", ["A.RAW"], "A.RAW"),
    "in capitals": ("A.MHD", "scan.raw", ["A.RAW", "a.raw"], "A.RAW"),
    "of another header": ("a.mhd", "scan.raw", ["A.mhd", "A.raw"], None),
    "stated, of another header": ("a.mhd", "a.raw", ["A.mhd", "A.raw"], None),
    "no clear one": ("a.mhd", "scan.raw", ["A.RAW", "A.raw"], None),
    "none": ("a.mhd", "scan.raw", ["b.raw"], None),
    "itself": ("a.mhd", "a.mhd", ["a.raw"], "a.raw"),
    "NRRD": ("other.nhdr", "./scan.raw.gz", ["other.raw", "scan.raw.gz"], "scan.raw.gz"),
}


@pytest.mark.parametrize("name", BESIDE)
def test_the_data_file_is_the_one_that_the_header_names(tmp_path: Path, name: str) -> None:
    header, stated, beside, expected = BESIDE[name]
    text = f"NDims = 3\nDimSize = 1 1 1\nElementDataFile = {stated}\n"
    if header.endswith(".nhdr"):
        text = f"NRRD0005\ntype: uint8\ndata file: {stated}\n"
    (tmp_path / header).write_text(text)
    for one in beside:
        (tmp_path / one).write_bytes(b"1")
    assert data_file_of(tmp_path / header) == (expected and tmp_path / expected)


@pytest.mark.parametrize(
    ("header", "expected"), [("a.hdr", "a.img"), ("a.hdr.gz", "a.img.gz"), ("A.hdr", None)]
)
def test_a_nifti_header_has_its_own_data_file(
    tmp_path: Path, header: str, expected: str | None
) -> None:
    """Where a compressed copy of the pair is beside it."""
    for one in (nifti_1(tmp_path)[0], nifti_1_gzipped(tmp_path)[0]):
        one.with_name(one.name.upper().replace("A.HDR", "A.hdr")).write_bytes(one.read_bytes())
    assert data_file_of(tmp_path / header) == (expected and tmp_path / expected)


def _cut(folder: Path) -> tuple[Path, ...]:
    header, data = nifti_1(folder)
    data.write_bytes(data.read_bytes()[:-1])
    return header, data


def _cut_stream(folder: Path) -> tuple[Path, ...]:
    header, data = nifti_1_gzipped(folder)
    data.write_bytes(data.read_bytes()[:-9])
    return header, data


def _patched(folder: Path, at: int, data: bytes) -> tuple[Path, ...]:
    header, voxels = nifti_1(folder)
    content = bytearray(header.read_bytes())
    content[at : at + len(data)] = data
    header.write_bytes(bytes(content))
    return header, voxels


def _list(folder: Path) -> tuple[Path, ...]:
    (folder / "a.mhd").write_text("NDims = 3\nDimSize = 1 1 1\nElementDataFile = LIST\n")
    (folder / "a.raw").write_bytes(bytes(9))
    return folder / "a.mhd", folder / "a.raw"


def _no_name(folder: Path) -> tuple[Path, ...]:
    (folder / "a.mhd").write_text("NDims = 3\nDimSize = 1 1 1\nElementDataFile =\n")
    (folder / "a.raw").write_bytes(b"")
    return folder / "a.mhd", folder / "a.raw"


def _nrrd_list(folder: Path) -> tuple[Path, ...]:
    (folder / "a.nhdr").write_text("NRRD0005\ntype: uint8\ndata file: a%03d.raw 1 9 1\n")
    (folder / "a.raw").write_bytes(bytes(9))
    return folder / "a.nhdr", folder / "a.raw"


def _strangers(folder: Path) -> tuple[Path, ...]:
    for name in ("a.nii", "b.nii"):
        nib.Nifti1Image(values(), AFFINE).to_filename(folder / name)
    return folder / "a.nii", folder / "b.nii"


BAD: dict[str, tuple[Callable[[Path], tuple[Path, ...]], type[TesseraError], str]] = {
    "cut off": (_cut, UnreadableScan, "fewer voxels"),
    "cut stream": (_cut_stream, UnreadableScan, "fewer voxels"),
    "offset": (lambda f: _patched(f, 108, b"\xff" * 4), UnreadableScan, "impossible position"),
    "far voxels": (lambda f: _patched(f, 108, b"\0\0\0\x53"), ScanTooLarge, "once decompressed"),
    "axes": (lambda f: _patched(f, 40, b"\x09"), UnreadableScan, "9 axes"),
    "too large": (lambda f: _patched(f, 42, b"\xff\x7f" * 3), ScanTooLarge, "voxels"),
    "MetaImage list": (_list, UnsupportedScan, "several files"),
    "MetaImage without a name": (_no_name, UnsupportedScan, "type is not supported"),
    "NRRD list": (_nrrd_list, UnsupportedScan, "several files"),
    "two volumes": (_strangers, BadRequest, "several files that are not DICOM"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_pair_is_refused(tmp_path: Path, name: str) -> None:
    make, error, words = BAD[name]
    with pytest.raises(error, match=words) as caught:
        taken(tmp_path, *make(tmp_path))
    assert caught.value.hint
