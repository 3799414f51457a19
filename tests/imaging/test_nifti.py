"""NIfTI files read by region and masks written in their geometry; nibabel is the oracle."""

import contextlib
import gzip
import resource
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, Literal
from unittest.mock import Mock

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imaging.box import Box
from imaging.errors import (
    BadRequest,
    ScanTooLarge,
    TesseraError,
    UnreadableScan,
    UnsupportedScan,
)
from imaging.formats.limits import Limits
from imaging.formats.nifti import voxels
from imaging.formats.nifti.header import parse
from imaging.formats.nifti.write import write_mask, write_mask_volume, write_volume
from imaging.formats.sniff import open_scan, verify
from imaging.scan import Scan

DTYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]
AFFINE = np.array(
    [[0.8, 0.1, -0.2, -30.3], [-0.1, 1.1, 0.3, 12.7], [0.2, -0.3, 2.9, 5.1], [0, 0, 0, 1]]
)
MM = 2
SHEARED = np.array([[1, 0.6, 0, 3], [0, 1, 0.2, 4], [0, 0, 2, 5], [0, 0, 0, 1.0]])


def values_of(dtype: str, shape: tuple[int, ...] = (5, 6, 7)) -> np.ndarray:
    values = np.random.default_rng(5).normal(40, 60, shape)
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(values, limits.min, limits.max).astype(dtype)


def save(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE, **fields: Any) -> Path:
    image = nib.Nifti1Image(values, affine, dtype=values.dtype)
    image.header["xyzt_units"] = MM
    for name, value in fields.items():
        image.header[name] = value
    image.to_filename(path)
    return path


def patched(source: Path, target: Path, **fields: Any) -> Path:
    """A copy of an uncompressed file with header fields overwritten, sound or not."""
    data = bytearray(source.read_bytes())
    header = nib.Nifti1Header(bytes(data[:348]), check=False)
    for name, value in fields.items():
        header[name] = value
    data[:348] = header.binaryblock
    target.write_bytes(bytes(data))
    return target


def whole(scan: Scan) -> np.ndarray:
    values = scan.read(Box.whole(scan.grid))
    assert values.dtype == scan.dtype
    assert values.shape == scan.shape
    return values[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "name"), [(1, "a.nii"), (1, "a.nii.gz"), (2, "a.nii.gz")])
def test_values_and_affine_are_those_of_nibabel(
    tmp_path: Path, dtype: str, order: Literal["<", ">"], kind: int, name: str
) -> None:
    values = values_of(dtype)
    make = {1: nib.Nifti1Image, 2: nib.Nifti2Image}[kind]
    header = make.header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    image = make(values, AFFINE, header, dtype=np.dtype(dtype))
    image.to_filename(tmp_path / name)
    assert nib.load(tmp_path / name).header.endianness == order

    scan = verify(tmp_path / name)

    assert scan.dtype == np.dtype(dtype)
    assert np.array_equal(whole(scan), values)
    assert np.array_equal(scan.affine, nib.load(tmp_path / name).affine)
    assert scan.format == "nifti"
    assert scan.stored_shape == (5, 6, 7)
    assert np.allclose(np.array(scan.spacing_mm), np.linalg.norm(AFFINE[:3, :3], axis=0), atol=1e-6)
    box = Box((1, 0, 3), (4, 6, 5))
    assert np.array_equal(scan.read(box)[0], values[box.slices])


@pytest.mark.parametrize("dtype", ["i2", "i4", "f4", "f8"])
@pytest.mark.parametrize("scaling", [(0.25, -1024.0), (1.0, -1024.0), (-3.0, 0.5)])
def test_slope_and_intercept_are_applied(
    tmp_path: Path, dtype: str, scaling: tuple[Any, ...]
) -> None:
    slope, intercept = scaling
    source = save(tmp_path / "a.nii", values_of(dtype))
    path = patched(source, tmp_path / "b.nii", scl_slope=slope, scl_inter=intercept)
    scan = open_scan(path)
    assert scan.dtype == (np.float64 if dtype in ("i4", "f8") else np.float32)
    oracle = nib.load(path).get_fdata()
    assert np.allclose(whole(scan), oracle, rtol=1e-6)
    assert np.array_equal(whole(scan), oracle.astype(scan.dtype))


@pytest.mark.parametrize("slope", [0.0, np.nan, np.inf])
def test_a_slope_that_is_none_leaves_integers_as_they_are(tmp_path: Path, slope: float) -> None:
    path = patched(save(tmp_path / "a.nii", values_of("i2")), tmp_path / "b.nii", scl_slope=slope)
    scan = open_scan(path)
    assert scan.dtype == np.int16
    assert np.array_equal(whole(scan), values_of("i2"))


def test_nan_and_infinite_voxels_are_read_as_they_are(tmp_path: Path) -> None:
    values = values_of("f4")
    values[1, 2, 3], values[0, 0, 0], values[4, 5, 6] = np.nan, np.inf, -np.inf
    scan = verify(save(tmp_path / "a.nii.gz", values))
    assert np.array_equal(whole(scan), values, equal_nan=True)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 6, 7), (5, 1, 1), (4, 3), (4, 3, 2, 1), (4, 3, 2, 1, 1)]
)
@pytest.mark.parametrize("form", ["sform", "qform", "neither"])
@pytest.mark.parametrize("make", [nib.Nifti1Image, nib.Nifti2Image])
def test_a_mask_has_its_scans_shape_and_exact_affine(
    tmp_path: Path, shape: tuple[int, ...], form: str, make: type
) -> None:
    image = make(np.zeros(shape, np.int16), SHEARED if form == "sform" else AFFINE)
    if form != "sform":
        image.set_sform(None, 0)
        image.set_qform(AFFINE, 1 if form == "qform" else 0)
    image.header["descrip"], image.header["xyzt_units"] = b"DOE^JANE", MM
    image.to_filename(tmp_path / "scan.nii.gz")
    scan = open_scan(tmp_path / "scan.nii.gz")
    warned = " ".join(scan.warnings)
    assert ("left and right" in warned) == (form == "neither")
    assert ("not perpendicular" in warned) == (form == "sform")
    assert len(scan.warnings) == (form != "qform")
    mask = np.random.default_rng(2).integers(0, 4, scan.grid).astype(np.uint8)

    write_mask(tmp_path / "mask.nii.gz", mask, scan)

    written, source = nib.load(tmp_path / "mask.nii.gz"), nib.load(tmp_path / "scan.nii.gz")
    assert written.shape == source.shape == shape
    assert np.array_equal(written.affine, source.affine)
    assert np.array_equal(np.asarray(written.dataobj).reshape(mask.shape), mask)
    assert np.array_equal(open_scan(tmp_path / "mask.nii.gz").affine, scan.affine)
    assert b"DOE" not in gzip.decompress((tmp_path / "mask.nii.gz").read_bytes())
    assert written.header["sform_code"] == source.header["sform_code"]
    assert written.header["qform_code"] == source.header["qform_code"]


def test_a_mask_of_a_big_endian_scan_lies_on_it(tmp_path: Path) -> None:
    header = nib.Nifti1Header(endianness=">")
    nib.Nifti1Image(values_of("i2"), AFFINE, header).to_filename(tmp_path / "scan.nii")
    scan = open_scan(tmp_path / "scan.nii")
    write_mask(tmp_path / "mask.nii", (whole(scan) > 50).astype(np.uint8), scan)
    mask = nib.load(tmp_path / "mask.nii")
    assert np.array_equal(mask.affine, nib.load(tmp_path / "scan.nii").affine)
    assert np.array_equal(np.asarray(mask.dataobj), values_of("i2") > 50)


@pytest.mark.parametrize("affine", [AFFINE, AFFINE.astype(np.float32), SHEARED, np.eye(4)])
def test_a_mask_of_a_scan_from_elsewhere_is_a_nifti_1_at_its_place(
    tmp_path: Path, affine: np.ndarray
) -> None:
    scan = Scan(
        (1, 2, 3, 4),
        np.dtype(np.uint8),
        affine.astype(np.float64),
        (1.0, 1.0, 1.0),
        "nifti",
        lambda box: np.zeros((1, *box.shape), np.uint8),
        (2, 3, 4),
    )
    write_mask(tmp_path / "mask.nii.gz", np.ones((2, 3, 4), np.uint8), scan)
    written = nib.load(tmp_path / "mask.nii.gz")
    assert isinstance(written, nib.Nifti1Image)  # the only kind that ITK reads
    assert np.array_equal(written.affine, affine.astype(np.float32))
    sheared = abs(affine[:3, :3].T @ affine[:3, :3] - np.diag((affine[:3, :3] ** 2).sum(0))).max()
    assert (written.header["qform_code"] == 0) == (sheared > 0.01)


def test_a_place_that_nifti_1_cannot_hold_is_written_as_nifti_2(tmp_path: Path) -> None:
    """Voxels of 1 micrometre 100 mm from the origin: float32 would move them by several voxels."""
    affine = np.diag([1e-3, 1e-3, 1e-3, 1])
    affine[:3, 3] = 100.0001
    values = np.zeros((1, 2, 3, 4), np.uint8)
    scan = Scan(
        values.shape, values.dtype, affine, (1e-3,) * 3, "array", lambda _: values, (2, 3, 4)
    )
    write_mask(tmp_path / "mask.nii.gz", values[0], scan)
    written = nib.load(tmp_path / "mask.nii.gz")
    assert isinstance(written, nib.Nifti2Image)
    assert np.array_equal(written.affine, affine)


@pytest.mark.parametrize(
    ("largest", "dtype"), [(0, "u1"), (255, "u1"), (256, "u2"), (65535, "u2"), (65536, "u4")]
)
def test_the_largest_label_picks_the_smallest_type(
    tmp_path: Path, largest: int, dtype: str
) -> None:
    scan = open_scan(save(tmp_path / "scan.nii", np.zeros((2, 3, 4), np.int16)))
    mask = np.zeros((2, 3, 4), np.uint32)
    mask[1, 2, 3] = largest
    write_mask(tmp_path / "mask.nii.gz", mask, scan)
    written = nib.load(tmp_path / "mask.nii.gz")
    assert written.get_data_dtype() == np.dtype(dtype)
    assert np.array_equal(np.asarray(written.dataobj), mask)


def test_the_same_mask_gives_the_same_bytes(tmp_path: Path) -> None:
    scan = open_scan(save(tmp_path / "scan.nii", values_of("i2")))
    mask = (values_of("i2") > 50).astype(np.uint8)
    write_mask(tmp_path / "one.nii.gz", mask, scan)
    other = Path(tmp_path / "other")
    other.mkdir()
    write_mask(other / "two.nii.gz", np.asfortranarray(mask).astype(np.uint32), scan)
    data = (tmp_path / "one.nii.gz").read_bytes()
    assert data == (other / "two.nii.gz").read_bytes()
    assert data[3:8] == bytes(5)  # RFC 1952: no file name (FLG), no time of writing (MTIME)


def test_a_mask_of_another_shape_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    scan = open_scan(save(tmp_path / "scan.nii", values_of("i2")))
    with pytest.raises(BadRequest):
        write_mask(tmp_path / "mask.nii.gz", np.zeros((7, 6, 5), np.uint8), scan)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.nii"]


_FULL_DISK = """
import sys
from pathlib import Path
import numpy as np
from imaging.errors import StorageFull
from imaging.formats.nifti.write import write_mask
from imaging.formats.sniff import open_scan
from imaging.box import Box
folder = Path(sys.argv[1])
scan = open_scan(folder / "scan.nii.gz", scratch=folder)
noise = np.random.default_rng(0).integers(0, 255, scan.grid, dtype=np.uint8)
for attempt in (lambda: write_mask(folder / "mask.nii.gz", noise, scan),
                lambda: scan.read(Box.whole(scan.grid))):
    try:
        attempt()
    except StorageFull:
        print("told")
"""


@pytest.mark.process
def test_a_full_disk_is_told_of_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """A bound on the size of any file stands in for the disk: the system call fails alike."""
    save(tmp_path / "scan.nii.gz", np.zeros((64, 64, 64), np.int16))

    def bound() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path)],
        preexec_fn=bound,
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.stdout.split() == ["told", "told"]
    assert [p.name for p in tmp_path.iterdir()] == ["scan.nii.gz"]


def test_an_unpacked_volume_has_no_name_on_the_disk(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    scan = open_scan(save(tmp_path / "a.nii.gz", values_of("i2")), scratch=scratch)
    assert np.array_equal(whole(scan), values_of("i2"))
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "i8", "f8"])
def test_a_viewers_volume_has_the_scans_grid_and_values(tmp_path: Path, dtype: str) -> None:
    scan = open_scan(save(tmp_path / "a.nii.gz", values_of(dtype)))
    write_volume(tmp_path / "v.nii.gz", scan)
    volume = nib.load(tmp_path / "v.nii.gz")
    assert volume.get_data_dtype().kind + str(volume.get_data_dtype().itemsize) != "i8"
    assert np.array_equal(np.asarray(volume.dataobj), values_of(dtype))
    assert np.array_equal(volume.affine, nib.load(tmp_path / "a.nii.gz").affine)
    write_mask_volume(tmp_path / "m.nii.gz", np.ones(scan.grid, np.uint8), scan)
    assert np.array_equal(nib.load(tmp_path / "m.nii.gz").affine, volume.affine)


def test_a_gzip_of_several_members_and_padding_is_whole(tmp_path: Path) -> None:
    """As bgzip and tape-minded tools write it (RFC 1952, 2.2)."""
    data = save(tmp_path / "a.nii", values_of("f4")).read_bytes()
    parts = gzip.compress(data[:500]) + gzip.compress(data[500:]) + bytes(512)
    (tmp_path / "b").write_bytes(parts)
    assert np.array_equal(whole(verify(tmp_path / "b")), values_of("f4"))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize(
    "trailing",
    [b"written by DOE^JANE", b"\x1f\x8bno gzip", b"\x1f", gzip.compress(b"x" * 99)[:-9]],
    ids=["text", "signature", "byte", "cut member"],
)
def test_bytes_after_the_voxels_are_trailing_data(
    tmp_path: Path, name: str, trailing: bytes
) -> None:
    """gzip(1) and nibabel read the file as well."""
    path = save(tmp_path / name, values_of("f4"))
    with path.open("ab") as file:
        file.write(bytes(512) * name.endswith("gz") + trailing)
    scan = verify(path)
    assert np.array_equal(whole(scan), np.asarray(nib.load(path).dataobj))
    many = f"{len(trailing)} bytes after its end. They are not read."
    one = "1 byte after its end. It is not read."
    assert scan.warnings[-1] == f"The file holds {one if len(trailing) == 1 else many}"
    if name.endswith("gz"):
        cut = save(tmp_path / f"cut-{name}", values_of("f4")).read_bytes()[:-9]
        path.write_bytes(cut + trailing)
        with pytest.raises(UnreadableScan):
            verify(path)


def test_an_extension_before_the_voxels_is_passed_over_and_not_copied(tmp_path: Path) -> None:
    image = nib.Nifti1Image(values_of("f4"), AFFINE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"DOE^JANE" * 20))
    image.to_filename(tmp_path / "a.nii")
    scan = verify(tmp_path / "a.nii")
    assert np.array_equal(whole(scan), values_of("f4"))
    write_volume(tmp_path / "v.nii", scan)
    assert b"DOE" in (tmp_path / "a.nii").read_bytes()
    assert b"DOE" not in (tmp_path / "v.nii").read_bytes()


# What is refused


def sound(tmp_path: Path) -> Path:
    return save(tmp_path / "sound.nii", values_of("i2", (40, 30, 20)))


@pytest.mark.parametrize("share", [0.0005, 0.005, 0.01, 0.3, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, share: float, name: str) -> None:
    data = save(tmp_path / name, values_of("f4", (40, 30, 20))).read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(data[: min(len(data) - 1, max(3, int(len(data) * share)))])
    with pytest.raises(UnreadableScan) as error:
        verify(path)
    assert error.value.hint


def test_a_gzip_that_ends_early_is_refused_at_the_first_read_too(tmp_path: Path) -> None:
    data = save(tmp_path / "a.nii.gz", values_of("f4", (40, 30, 20))).read_bytes()
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    scan = open_scan(tmp_path / "cut")
    with pytest.raises(UnreadableScan):
        whole(scan)


def test_a_sound_gzip_of_too_few_voxels_is_refused(tmp_path: Path) -> None:
    data = save(tmp_path / "a.nii", values_of("f4", (40, 30, 20))).read_bytes()
    (tmp_path / "short").write_bytes(gzip.compress(data[:-1]))
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "short")
    with pytest.raises(UnreadableScan):
        whole(open_scan(tmp_path / "short"))


@pytest.mark.parametrize("at", [-8, -4, 2000])
def test_a_gzip_with_a_wrong_checksum_length_or_bit_is_refused(tmp_path: Path, at: int) -> None:
    data = bytearray(save(tmp_path / "a.nii.gz", values_of("f4", (40, 30, 20))).read_bytes())
    data[at] ^= 0x10
    (tmp_path / "bad").write_bytes(bytes(data))
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "bad")


def test_a_gzip_bomb_is_refused_as_soon_as_it_outgrows_its_header(tmp_path: Path) -> None:
    """64 GB of zeros behind a sound small volume: reading them all would take minutes."""
    start = save(tmp_path / "a.nii", values_of("i2")).read_bytes()
    zeros = gzip.compress(bytes(1 << 26))
    with (tmp_path / "bomb.nii.gz").open("wb") as file:
        file.write(gzip.compress(start))
        for _ in range(1000):
            file.write(zeros)
    tracemalloc.start()
    with pytest.raises(UnreadableScan, match="longer than its header"):
        verify(tmp_path / "bomb.nii.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_verifying_takes_flat_memory(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.uint8)
    header.set_data_shape((512, 512, 1024))
    header["vox_offset"], header["sform_code"] = 352, 1
    header["srow_x"], header["srow_y"], header["srow_z"] = np.eye(4)[:3]
    with (tmp_path / "large.nii.gz").open("wb") as file:
        file.write(gzip.compress(header.binaryblock + bytes(4)))
        for _ in range(4):
            file.write(gzip.compress(bytes(1 << 26), 1))
    tracemalloc.start()
    assert verify(tmp_path / "large.nii.gz").grid == (512, 512, 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


@pytest.mark.parametrize("name", ["b.nii", "b.nii.gz"])
def test_a_header_that_promises_more_than_the_file_holds_is_refused(
    tmp_path: Path, name: str
) -> None:
    path = patched(sound(tmp_path), tmp_path / "b", dim=[3, 400, 300, 2000, 1, 1, 1, 1])
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(UnreadableScan, match="fewer voxels"):
        open_scan(path)


@pytest.mark.parametrize(
    ("shape", "limits"),
    [
        ((32767, 32767, 32767), Limits()),
        ((40, 30, 20), Limits(max_voxels=23_999)),
        ((40, 30, 20), Limits(max_bytes=48_351)),
    ],
)
def test_more_voxels_than_the_limit_are_refused_from_the_header(
    tmp_path: Path, shape: tuple[Any, ...], limits: Limits
) -> None:
    path = patched(sound(tmp_path), tmp_path / "b.nii", dim=[3, *shape, 1, 1, 1, 1])
    with pytest.raises(ScanTooLarge) as error:
        open_scan(path, limits)
    assert error.value.hint
    assert verify(sound(tmp_path), Limits(max_voxels=24_000, max_bytes=48_352))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"dim": [4, 40, 30, 10, 2, 1, 1, 1]}, UnsupportedScan),
        ({"dim": [5, 40, 30, 10, 1, 2, 1, 1]}, UnsupportedScan),
        ({"dim": [0, 40, 30, 20, 1, 1, 1, 1]}, UnreadableScan),
        ({"dim": [8, 40, 30, 20, 1, 1, 1, 1]}, UnreadableScan),
        ({"dim": [3, 40, 0, 20, 1, 1, 1, 1]}, UnreadableScan),
        ({"dim": [3, -1, 30, 20, 1, 1, 1, 1]}, UnreadableScan),
        ({"datatype": 32}, UnsupportedScan),
        ({"datatype": 128}, UnsupportedScan),
        ({"datatype": 2304}, UnsupportedScan),
        ({"datatype": 1}, UnsupportedScan),
        ({"datatype": 77}, UnreadableScan),
        ({"vox_offset": 0}, UnreadableScan),
        ({"vox_offset": np.nan}, UnreadableScan),
        ({"vox_offset": 1e30}, UnreadableScan),
        ({"vox_offset": 400 << 20}, UnreadableScan),
        ({"scl_slope": 2, "scl_inter": np.nan}, UnreadableScan),
        ({"magic": b"ni1"}, UnsupportedScan),
        ({"magic": b""}, UnsupportedScan),
        ({"srow_x": [0, 0, 0, 0]}, UnsupportedScan),
        ({"srow_x": [1, 1, 0, 0], "srow_y": [1, 1, 0, 0]}, UnsupportedScan),
        ({"srow_y": [0, np.nan, 0, 0]}, UnsupportedScan),
        ({"srow_z": [0, 0, 1, np.inf]}, UnsupportedScan),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 3.0}, UnsupportedScan),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": np.nan}, UnsupportedScan),
    ],
    ids=str,
)
def test_a_header_that_cannot_be_served_is_refused_with_what_to_do(
    tmp_path: Path, fields: dict[str, Any], error: type[TesseraError]
) -> None:
    path = patched(sound(tmp_path), tmp_path / "b.nii", **fields)
    for attempt in (open_scan, verify):
        with pytest.raises(error) as caught:
            attempt(path)
        assert caught.value.detail
        assert caught.value.expected
        assert caught.value.hint


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    flips=st.lists(st.tuples(st.integers(0, 351), st.integers(0, 255)), min_size=1, max_size=6),
    packed=st.booleans(),
)
def test_no_damage_to_a_header_brings_another_exception(flips: list[Any], packed: bool) -> None:
    data = bytearray(_SOUND)
    for at, byte in flips:
        data[at] = byte
    with _Temporary() as path:
        path.write_bytes(gzip.compress(bytes(data), 1) if packed else bytes(data))
        with contextlib.suppress(TesseraError):
            whole(verify(path, Limits(max_bytes=1 << 20)))


_SOUND = nib.Nifti1Image(values_of("i2"), AFFINE).to_bytes()


class _Temporary:
    """A path that is gone afterwards (a hypothesis test cannot use tmp_path)."""

    def __enter__(self) -> Path:
        import tempfile

        self._folder = tempfile.TemporaryDirectory()
        return Path(self._folder.name) / "scan"

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


@pytest.mark.parametrize("name", ["anatomical.nii", "standard.nii.gz", "reoriented_anat_moved.nii"])
def test_nibabels_own_scans_are_read_as_nibabel_reads_them(name: str) -> None:
    path = Path(nib.__file__).parent / "tests" / "data" / name
    scan = verify(path)
    assert np.allclose(whole(scan), nib.load(path).get_fdata(), rtol=1e-6)
    assert np.array_equal(scan.affine, nib.load(path).affine)


@pytest.mark.parametrize(
    "name", ["example4d.nii.gz", "functional.nii", "nifti1.hdr", "nifti2.hdr", "analyze.hdr"]
)
def test_nibabels_other_files_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedScan) as error:
        open_scan(Path(nib.__file__).parent / "tests" / "data" / name)
    assert error.value.hint


def test_cifti_is_refused_by_name(tmp_path: Path) -> None:
    """As nibabel writes it: a NIfTI-2 whose fifth and sixth axes hold all values."""
    scalars = nib.cifti2.ScalarAxis(["a", "b"])
    areas = nib.cifti2.BrainModelAxis.from_mask(np.ones((2, 2, 2)), affine=np.eye(4))
    image = nib.Cifti2Image(np.zeros((2, 8), np.float32), header=(scalars, areas))
    image.to_filename(tmp_path / "a.dscalar.nii")
    with pytest.raises(UnsupportedScan, match="CIFTI"):
        open_scan(tmp_path / "a.dscalar.nii")


def test_verifying_parses_the_header_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Mock(wraps=parse)
    monkeypatch.setattr(voxels, "parse", counting)
    verify(save(tmp_path / "a.nii", values_of("i2")))
    assert counting.call_count == 1
