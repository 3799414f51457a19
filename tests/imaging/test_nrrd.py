"""NRRD: as pynrrd reads and writes it, and what is refused."""

import contextlib
import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.box import Box
from imaging.errors import ScanTooLarge, TesseraError, UnreadableScan, UnsupportedScan
from imaging.formats import mask_file
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import in_memory

SHAPE = (5, 6, 4)
DIRECTIONS = np.array([[0.9, 0.1, 0], [-0.1, 1.1, 0.2], [0, -0.3, 2.5]])
"""A row an axis, as the format has them."""
ORIGIN = np.array([10.5, -20.25, 3])


def values(dtype: str = "int16") -> np.ndarray:
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)


def saved(path: Path, data: np.ndarray, **fields: Any) -> Path:
    header = {
        "space": "left-posterior-superior",
        "space directions": DIRECTIONS,
        "space origin": ORIGIN,
        **fields,
    }
    nrrd.write(str(path), data, header)
    return path


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize("endian", ["little", "big"])
@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", "int16", "uint16", "int32", "float32", "float64"]
)
def test_volumes_are_read(tmp_path: Path, dtype: str, endian: str, encoding: str) -> None:
    data = values(dtype).astype(np.dtype(dtype).newbyteorder("<" if endian == "little" else ">"))
    path = saved(tmp_path / "a.nrrd", data, encoding=encoding, endian=endian)
    scan = verify(path)
    assert (scan.format, scan.shape, scan.dtype) == ("nrrd", (1, *SHAPE), np.dtype(dtype))
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0], data)
    assert np.array_equal(scan.read(Box((1, 2, 0), (4, 3, 4)))[0], data[1:4, 2:3])
    assert scan.warnings == ()


SIGNS = {
    "left-posterior-superior": (-1, -1, 1), "LPS": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1), "left-anterior-superior": (-1, 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("space", SIGNS)
def test_where_the_volume_lies(tmp_path: Path, space: str) -> None:
    scan = open_scan(saved(tmp_path / "a.nrrd", values(), space=space))
    signs = np.array(SIGNS[space])[:, None]
    assert np.allclose(scan.affine[:3, :3], DIRECTIONS.T * signs)
    assert np.allclose(scan.affine[:3, 3], ORIGIN * signs[:, 0])
    assert scan.spacing_mm == pytest.approx(tuple(np.linalg.norm(DIRECTIONS, axis=1)))


def test_a_volume_without_a_place_is_read_with_a_warning(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "a.nrrd"), values(), {"spacings": [2, 3, 4]})
    scan = open_scan(tmp_path / "a.nrrd")
    assert scan.spacing_mm == (2, 3, 4)
    assert "left and right" in scan.warnings[0]


def plain(extra: str = "", data: bytes = bytes(120), **changes: str | None) -> bytes:
    fields: dict[str, str | None] = {
        "type": "uint8", "dimension": "3", "sizes": "5 6 4", "encoding": "raw",
        "space": "right-anterior-superior", "space directions": "(1,0,0) (0,1,0) (0,0,1)",
        "space origin": "(0,0,0)",
    }  # fmt: skip
    fields |= {name.replace("_", " "): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\n".join(["NRRD0005", "# a remark", *lines, extra]).rstrip().encode() + b"\n\n" + data


BOMB = gzip.compress(bytes(4 << 20))
BAD = {
    "no end": (b"NRRD0004\ntype: uint8\n" + b"x: y\n" * 9, UnreadableScan, "no end"),
    "endless": (b"NRRD0004\n" + b"a: b\n" * 400_000, UnreadableScan, "no end"),
    "cut off": (plain(data=bytes(119)), UnreadableScan, "cut off"),
    "no sizes": (plain(sizes=None), UnreadableScan, "no sizes"),
    "no encoding": (plain(encoding=None), UnreadableScan, "no encoding"),
    "no numbers": (plain(sizes="5 six 4"), UnreadableScan, "whole numbers"),
    "fewer sizes": (plain(sizes="5 6"), UnreadableScan, "contradict"),
    "negative": (plain(sizes="5 -6 4"), UnreadableScan, "contradict"),
    "a line": (plain("this is a letter"), UnreadableScan, "not a field"),
    "no order": (plain(type="short", data=bytes(240)), UnreadableScan, "order"),
    "vectors": (plain(space_origin="(0,0)"), UnreadableScan, "numbers"),
    "words": (plain(space_origin="(a,b,c)"), UnreadableScan, "numbers"),
    "flat": (plain(space_directions="(1,0,0) (0,1,0) (0,1,0)"), UnsupportedScan, "singular"),
    "not finite": (plain(space_origin="(nan,0,0)"), UnsupportedScan, "singular"),
    "missing vector": (plain(space_directions="none (1,0,0) (0,1,0)"), UnreadableScan, "numbers"),
    "detached": (plain("data file: ../../etc/passwd"), UnsupportedScan, "detached"),
    "detached, other word": (plain("datafile: a.raw"), UnsupportedScan, "detached"),
    "detached list": (plain("data file: LIST"), UnsupportedScan, "detached"),
    "text": (plain(encoding="ascii"), UnsupportedScan, "encoding of the voxels"),
    "bzip2": (plain(encoding="bzip2"), UnsupportedScan, "encoding of the voxels"),
    "skips": (plain("byte skip: -1"), UnsupportedScan, "encoding of the voxels"),
    "blocks": (plain(type="block"), UnsupportedScan, "type"),
    "four axes": (plain(dimension="4", sizes="1 5 6 4"), UnsupportedScan, "4 axes"),
    "colours": (plain(sizes="3 10 4", kinds="RGB-color domain domain"), UnsupportedScan,
                "not all of them spatial"),
    "moments": (plain(kinds="domain domain time"), UnsupportedScan, "not all of them spatial"),
    "a picture": (plain(dimension="2", sizes="5 6"), UnsupportedScan, "2 axes"),
    "too large": (plain(sizes="99999 99999 99999"), ScanTooLarge, "voxels"),
    "absurd": (plain(sizes=f"{'9' * 400} 1 1"), ScanTooLarge, "voxels"),
    "unspeakable": (plain(sizes=" ".join(["9" * 4000] * 3)), UnreadableScan, "contradict"),
    "no gzip": (plain(encoding="gzip"), UnreadableScan, "cut off"),
    "half a stream": (plain(encoding="gzip", data=gzip.compress(bytes(120))[:-9]), UnreadableScan,
                      "cut off"),
    "short stream": (plain(encoding="gz", data=gzip.compress(bytes(119))), UnreadableScan,
                     "cut off"),
    "a bomb": (plain(encoding="gzip", data=BOMB), UnreadableScan, "longer than"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_volume_is_refused(tmp_path: Path, name: str) -> None:
    data, error, words = BAD[name]
    path = tmp_path / "DOE^JANE.nrrd"
    path.write_bytes(data)
    with pytest.raises(error, match=words) as caught:
        verify(path)
    assert caught.value.hint
    assert "DOE" not in str(caught.value)
    assert "passwd" not in str(caught.value)


def test_a_sound_plain_file_is_none_of_these(tmp_path: Path) -> None:
    lines = ("", "my key:=data file: x", "content: made: by hand", "kinds: space domain none")
    for line, encoding in [*((line, "raw") for line in lines), ("", "RAW")]:
        (tmp_path / "a.nrrd").write_bytes(plain(line, bytes(range(120)), encoding=encoding))
        scan = verify(tmp_path / "a.nrrd")
        assert np.array_equal(scan.read(Box.whole(SHAPE))[0].ravel("F"), np.arange(120))


def test_limits_are_checked_before_anything_is_allocated(tmp_path: Path) -> None:
    (tmp_path / "a.nrrd").write_bytes(plain(sizes="2000 2000 400", encoding="gzip", data=BOMB))
    tracemalloc.start()
    with pytest.raises(ScanTooLarge):
        open_scan(tmp_path / "a.nrrd", Limits(max_voxels=10**9))
    with pytest.raises(UnreadableScan):
        verify(tmp_path / "a.nrrd")
    assert tracemalloc.get_traced_memory()[1] < 32 << 20
    tracemalloc.stop()


@given(st.binary(max_size=300))
def test_random_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(b"NRRD0004\n" + data)
    with contextlib.suppress(TesseraError):
        verify(path)


@pytest.mark.parametrize("top", [2, 300, 70_000])
def test_masks_are_as_pynrrd_reads_them(tmp_path: Path, top: int) -> None:
    scan = open_scan(saved(tmp_path / "a.nrrd", values()))
    mask = np.zeros(SHAPE, np.uint32)
    mask[1:3, 2, 1:] = top
    mask[4, 5, 3] = 1
    mask_file.write(tmp_path / "mask.nrrd", mask, scan)
    found, header = nrrd.read(str(tmp_path / "mask.nrrd"))
    assert np.array_equal(found, mask)
    assert found.dtype == np.min_scalar_type(top)
    assert header["space"] == "left-posterior-superior"
    assert np.array_equal(header["space directions"], DIRECTIONS)
    assert np.array_equal(header["space origin"], ORIGIN)
    again = open_scan(tmp_path / "mask.nrrd")
    assert np.array_equal(again.affine, scan.affine)
    assert np.array_equal(mask_file.read(tmp_path / "mask.nrrd"), mask)
    mask_file.write(tmp_path / "twice.nrrd", mask.copy("F"), scan)
    assert (tmp_path / "twice.nrrd").read_bytes() == (tmp_path / "mask.nrrd").read_bytes()


def test_a_pictures_mask_lies_as_its_nifti_does(tmp_path: Path) -> None:
    scan = in_memory(np.zeros((1, 6, 9), np.uint8), (0.5, 0.25))
    mask = np.arange(54, dtype=np.uint8).reshape(6, 9)
    for ending in ("nrrd", "nii.gz"):
        mask_file.write(tmp_path / f"mask.{ending}", mask, scan)
    made, like = (open_scan(tmp_path / f"mask.{ending}") for ending in ("nrrd", "nii.gz"))
    assert np.array_equal(made.affine, like.affine)
    whole = Box.whole(made.grid)
    assert np.array_equal(made.read(whole), like.read(whole))
    assert np.array_equal(mask_file.read(tmp_path / "mask.nrrd", dimension=2), mask)
