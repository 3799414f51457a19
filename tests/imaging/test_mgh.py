"""FreeSurfer's MGH and MGZ volumes and masks; nibabel is the oracle."""

import contextlib
import gzip
import itertools
import struct
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.freesurfer.mghformat import MGHImage

from imaging.box import Box
from imaging.errors import BadRequest, ScanTooLarge, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file, registry
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import in_memory

SHAPE = (5, 6, 7)
TURN = np.array([[0.8, 0.6, 0], [-0.48, 0.64, 0.6], [0.36, -0.48, 0.8]])
TAGS = b"\0\0\0\x03" + b"/home/DOE^JANE/talairach.xfm" * 9


def affine(order: tuple[int, ...] = (0, 1, 2), signs: tuple[int, ...] = (1, 1, 1)) -> np.ndarray:
    made = np.eye(4)
    made[:3, :3] = TURN[:, order] * signs * [0.9, 1.1, 2.5]
    made[:3, 3] = 10.5, -20.25, 3
    return made


def values(dtype: str = "int16", shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def saved(path: Path, data: np.ndarray, place: np.ndarray | None = None) -> Path:
    MGHImage(data, affine() if place is None else place).to_filename(path)
    return path


def loaded(path: Path) -> MGHImage:
    """As nibabel reads it; from memory, because nibabel does not close an `.mgh`."""
    data = path.read_bytes()
    return MGHImage.from_bytes(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)


def patched(data: bytes, at: int, kind: str, value: float) -> bytes:
    content = bytearray(data)
    struct.pack_into(kind, content, at, value)
    return bytes(content)


@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "uint16"])
def test_volumes_are_read(tmp_path: Path, dtype: str, name: str) -> None:
    path = saved(tmp_path / name, values(dtype))
    if name == "a.mgh":
        path.write_bytes(path.read_bytes() + TAGS)
    oracle = loaded(path)
    for scan in (open_scan(path), verify(path)):
        assert (scan.format, scan.dtype) == ("mgh", np.dtype(dtype))
        assert np.array_equal(scan.read(Box.whole(SHAPE))[0], np.asarray(oracle.dataobj))
        assert np.array_equal(scan.read(Box((1, 2, 0), (4, 3, 4)))[0], values(dtype)[1:4, 2:3, :4])
        assert np.allclose(scan.affine, oracle.affine, atol=1e-6)
        assert scan.spacing_mm == pytest.approx((0.9, 1.1, 2.5))
        assert scan.warnings == ()


def test_a_volume_without_a_place_is_coronal_with_a_warning(tmp_path: Path) -> None:
    """setDirectionCosine(MRI_CORONAL) of FreeSurfer: right to left, superior to inferior, and
    posterior to anterior, around the origin."""
    data = saved(tmp_path / "a.mgh", values()).read_bytes()
    (tmp_path / "b.mgh").write_bytes(patched(data, 28, ">h", 0))
    scan = open_scan(tmp_path / "b.mgh")
    assert np.array_equal(
        scan.affine, np.array([[-1, 0, 0, 2.5], [0, 0, 1, -3.5], [0, -1, 0, 3], [0, 0, 0, 1]])
    )
    assert "left and right" in scan.warnings[0]

    mask_file.write(tmp_path / "mask.mgz", np.ones(SHAPE, np.uint8), scan)
    mask = open_scan(tmp_path / "mask.mgz")
    assert "left and right" in mask.warnings[0]
    assert np.array_equal(mask.affine, scan.affine)


@pytest.mark.parametrize("name", ["a.mgh", "a.mgz"])
def test_each_frame_has_the_voxels_that_nibabel_reads(tmp_path: Path, name: str) -> None:
    path = saved(tmp_path / name, values(shape=(*SHAPE, 3)))
    with pytest.raises(UnsupportedScan, match="3 frames"):
        open_scan(path)
    scans, _ = incoming_scans([path], tmp_path, Limits(), ScanSelection(each=True))
    assert [scan.name for scan in scans] == [f"frame {n} of 3" for n in (1, 2, 3)]
    for number, incoming in enumerate(scans):
        scan = verify(incoming.path)
        assert np.array_equal(
            scan.read(Box.whole(SHAPE))[0], values(shape=(*SHAPE, 3))[..., number]
        )
        assert np.allclose(scan.affine, loaded(path).affine, atol=1e-6)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_masks_lie_where_nibabel_sees_the_scan(tmp_path: Path, order: tuple[int, ...]) -> None:
    for signs in itertools.product((1, -1), repeat=3):
        scan = open_scan(saved(tmp_path / "a.mgz", values(), affine(order, signs)))
        mask = np.zeros(SHAPE, np.uint8)
        mask[1, 2, 3], mask[4, 0, 1] = 1, 200
        for name in ("mask.mgz", "mask.mgh", "mask.nii.gz", "mask.nrrd"):
            mask_file.write(tmp_path / name, mask, scan)
            assert np.allclose(open_scan(tmp_path / name).affine, scan.affine, atol=1e-4)
        for name in ("mask.mgz", "mask.mgh", "mask.nii.gz"):
            written = (nib.load if "nii" in name else loaded)(tmp_path / name)
            assert np.array_equal(np.asarray(written.dataobj), mask)
            assert np.allclose(written.affine, affine(order, signs), atol=1e-4)


@pytest.mark.parametrize(("top", "dtype"), [(1, "u1"), (255, "u1"), (300, "i4"), (70_000, "i4")])
def test_masks_are_small_and_the_same_bytes(tmp_path: Path, top: int, dtype: str) -> None:
    scan = in_memory(np.zeros((1, *SHAPE), np.int16), (1.0, 2.0, 3.0))
    mask = values("uint32") % 2 * np.uint32(top)
    for name in ("a.mgz", "b.mgz"):
        mask_file.write(tmp_path / name, mask, scan)
    assert (tmp_path / "a.mgz").read_bytes() == (tmp_path / "b.mgz").read_bytes()
    written = nib.load(tmp_path / "a.mgz")
    assert np.array_equal(np.asarray(written.dataobj), mask)
    assert written.get_data_dtype() == np.dtype(">" + dtype)
    assert np.array_equal(mask_file.read(tmp_path / "a.mgz"), mask)


def test_a_label_beyond_int32_does_not_fit() -> None:
    assert registry.mask_format("mgh").fits(10, 2**31 - 1)
    assert not registry.mask_format("mgh").fits(10, 2**31)


def test_the_mask_of_an_image_is_one_slice(tmp_path: Path) -> None:
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4)
    mask_file.write(tmp_path / "a.mgz", mask, in_memory(np.zeros((1, 3, 4), np.uint8)))
    assert np.array_equal(mask_file.read(tmp_path / "a.mgz", 2), mask)
    assert nib.load(tmp_path / "a.mgz").shape == (4, 3, 1)
    with pytest.raises(BadRequest):
        mask_file.write(tmp_path / "b.mgz", mask.T, in_memory(np.zeros((1, 3, 4), np.uint8)))


SOUND = MGHImage(values(), affine()).to_bytes()
BAD = {
    "cut off": (SOUND[: 284 + 419], UnreadableScan, "fewer voxels"),
    "cut in the header": (SOUND[:200], UnreadableScan, "format is not supported"),
    "cut stream": (gzip.compress(SOUND)[:-30], UnreadableScan, "fewer voxels"),
    "64-bit": (patched(SOUND, 20, ">i", 2), UnsupportedScan, "64-bit integers"),
    "tensors": (patched(SOUND, 20, ">i", 6), UnsupportedScan, "tensors"),
    "flat": (patched(SOUND, 30, ">f", 0), UnsupportedScan, "singular"),
    "immense": (patched(SOUND, 30, ">f", 1e30), UnsupportedScan, "impossibly large"),
    "far away": (patched(SOUND, 78, ">f", 1e30), UnsupportedScan, "impossibly"),
    "not finite": (patched(SOUND, 78, ">f", np.nan), UnsupportedScan, "not finite"),
    "too large": (patched(SOUND, 4, ">i", 2**31 - 1), ScanTooLarge, "voxels"),
    "many frames": (patched(SOUND, 16, ">i", 2**31 - 1), ScanTooLarge, "bytes"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str) -> None:
    data, error, words = BAD[name]
    (tmp_path / "DOE.mgh").write_bytes(data)
    for attempt in (
        verify,
        lambda path: incoming_scans([path], tmp_path, Limits()) and verify(path),
    ):
        with pytest.raises(error, match=words) as caught:
            attempt(tmp_path / "DOE.mgh")
        assert caught.value.hint
        assert "DOE" not in str(caught.value)


@given(
    st.lists(st.tuples(st.integers(0, 289), st.integers(0, 255)), min_size=1, max_size=6),
    st.booleans(),
)
def test_no_damage_brings_another_exception(changes: list[tuple[int, int]], packed: bool) -> None:
    import tempfile

    data = bytearray(SOUND)
    for at, byte in changes:
        data[at] = byte
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(TesseraError):
        path = Path(folder) / "a"
        path.write_bytes(gzip.compress(bytes(data), 1) if packed else bytes(data))
        scan = verify(path, Limits(max_bytes=1 << 20))
        scan.read(Box.whole(scan.grid))


def test_nibabels_own_file_is_read(tmp_path: Path) -> None:
    path = Path(nib.__file__).parent / "tests" / "data" / "test.mgz"
    scans, _ = incoming_scans([path], tmp_path, Limits(), ScanSelection(each=True))
    oracle = nib.load(path)
    for number, incoming in enumerate(scans):
        scan = verify(incoming.path)
        assert np.array_equal(scan.read(Box.whole(scan.grid))[0], oracle.get_fdata()[..., number])
        assert np.allclose(scan.affine, oracle.affine, atol=1e-5)
