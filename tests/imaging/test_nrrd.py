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
from imaging.formats.incoming import ScanSelection, incoming_scans
from imaging.formats.limits import Limits
from imaging.formats.sniff import open_scan, verify
from imaging.scan import in_memory

SHAPE = (5, 6, 4)
DIRECTIONS = np.array([[0.8, 0.6, 0], [-0.48, 0.64, 0.6], [0.36, -0.48, 0.8]]) * [[0.9], [1], [2]]
"""A row an axis, as the format has them: a turned box."""
ORIGIN = np.array([10.5, -20.25, 3])


def values(dtype: str = "int16") -> np.ndarray:
    return np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype)


def saved(path: Path, data: np.ndarray, **fields: Any) -> Path:
    header = {
        "space": "left-posterior-superior",
        "space directions": DIRECTIONS,
        "space origin": ORIGIN,
        "space units": ["mm"] * 3,
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
    "missing vector": (plain(space_directions="none (1,0,0) (0,1,0)"), UnsupportedScan,
                       "3 axes, 2 of them in space"),
    "two directions": (plain(space_directions="(1,0,0) (0,1,0)"), UnreadableScan, "more or fewer"),
    "two kinds": (plain(kinds="domain domain"), UnreadableScan, "more or fewer"),
    "detached": (plain("data file: ../../etc/passwd"), UnsupportedScan, "detached"),
    "detached, other word": (plain("datafile: a.raw"), UnsupportedScan, "detached"),
    "detached list": (plain("data file: LIST"), UnsupportedScan, "detached"),
    "text": (plain(encoding="ascii"), UnsupportedScan, "not supported: text"),
    "bzip2": (plain(encoding="bzip2"), UnsupportedScan, "not supported: bzip2"),
    "another encoding": (plain(encoding="DOE"), UnsupportedScan, "encoding .* not supported"),
    "skips": (plain("byte skip: -2"), UnreadableScan, "impossible line skip or byte skip"),
    "skips in a stream": (plain("byte skip: -1", encoding="gzip"), UnreadableScan, "impossible"),
    "many lines": (plain("line skip: 99999999"), UnreadableScan, "impossible"),
    "no lines": (plain("line skip: x"), UnreadableScan, "not a whole number"),
    "blocks": (plain(type="block"), UnsupportedScan, "type"),
    "four axes": (plain(dimension="4", sizes="1 5 6 4", space_directions=None), UnsupportedScan,
                  "4 axes, 4 of them in space"),
    "colours": (plain(sizes="3 10 4", kinds="RGB-color domain domain"), UnsupportedScan,
                "3 axes, 2 of them in space"),
    "moments": (plain(kinds="domain domain time"), UnsupportedScan, "2 of them in space"),
    "a picture": (plain(dimension="2", sizes="5 6", space_directions=None), UnsupportedScan,
                  "2 axes"),
    "too large": (plain(sizes="99999 99999 99999"), ScanTooLarge, "voxels"),
    "absurd": (plain(sizes=f"{'9' * 400} 1 1"), UnreadableScan, "whole numbers"),
    "unspeakable": (plain(sizes=" ".join(["9" * 4000] * 3)), UnreadableScan, "whole numbers"),
    "more digits than Python reads": (plain(sizes=f"{'9' * 5000} 1 1"), UnreadableScan,
                                      "whole numbers"),
    "nine long axes": (
        plain(sizes=" ".join([f"1{'0' * 999}"] * 9), dimension="9", space_directions=None,
              kinds="list " * 6 + "domain " * 3), UnreadableScan, "whole numbers"),
    "sixteen axes": (
        plain(sizes=" ".join([str(2**61)] * 16), dimension="16", space_directions=None,
              kinds="list " * 13 + "domain " * 3), UnreadableScan, "more voxels"),
    "a long skip": (plain(f"byte skip: {'9' * 4299}", encoding="gzip"), UnreadableScan,
                    "not a whole number"),
    "a skip beyond the stream": (
        plain("byte skip: 5000", encoding="gzip", data=gzip.compress(bytes(120))),
        UnreadableScan, "cut off"),
    "immense": (
        plain(space_directions="(1e150,0,0) (0,1e150,0) (0,0,1e150)", space_units='"pc" "pc" "pc"'),
        UnsupportedScan, "impossibly large"),
    "minute": (plain(space_directions="(1e-310,0,0) (0,1e-310,0) (0,0,1e-310)",
                     space_units='"ym" "ym" "ym"'), UnsupportedScan, "singular|impossibly"),
    "far away": (plain(space_origin="(1e300,0,0)", space_units='"pc" "pc" "pc"'),
                 UnsupportedScan, "not finite|impossibly"),
    "large without a unit": (plain(space_directions="(1e40,0,0) (0,1e40,0) (0,0,1e40)"),
                             UnsupportedScan, "impossibly large"),
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


GRAMMAR = {
    "blanks and case": plain("KINDS :  Domain  domain DOMAIN  "),
    "CR LF": plain().replace(b"\n", b"\r\n", plain().count(b"\n")),
    "other names": plain(space_directions=None, space_origin=None,
                         spacedirections="(1,0,0) (0,1,0) (0,0,1)", spaceorigin="(0,0,0)"),
    "blanks in vectors": plain(space_directions=" ( 1, 0,0)  (0,1 ,0) (0,0,1.0e0) "),
    "short space": plain(space="RAS"),
    "key with a colon": plain("DOE: JANE:=x\nDICOM:0010:=y: z"),
    "line skip": plain("line skip: 2", data=b"one\ntwo\n" + bytes(range(120))),
    "byte skip": plain("byte skip: 7", data=bytes(7) + bytes(range(120))),
    "from the end": plain("byteskip: -1", data=b"DOE^JANE" + bytes(range(120))),
    "lines and bytes": plain("line skip: 1\nbyte skip: 2", data=b"x\n12" + bytes(range(120))),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAMMAR)
def test_a_header_is_read_by_the_grammar_of_the_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.nrrd"
    data = GRAMMAR[name]
    path.write_bytes(data if b"skip" in data else data.replace(bytes(120), bytes(range(120))))
    scan = verify(path)
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0].ravel("F"), np.arange(120))
    assert np.array_equal(scan.affine, np.eye(4))


def test_a_unit_may_bring_lengths_within_the_bounds(tmp_path: Path) -> None:
    large = "(1e15,0,0) (0,1e15,0) (0,0,1e15)"
    (tmp_path / "a.nrrd").write_bytes(plain(space_directions=large, space_units='"fm" "fm" "fm"'))
    assert open_scan(tmp_path / "a.nrrd").spacing_mm == pytest.approx((1e3, 1e3, 1e3))


def test_bytes_are_skipped_after_decompression(tmp_path: Path) -> None:
    """ "Definition of NRRD File Format", 5: `byte skip` of compressed encodings."""
    packed = b"a line\n" + gzip.compress(bytes(5) + bytes(range(120)))
    (tmp_path / "a.nrrd").write_bytes(
        plain("line skip: 1\nbyte skip: 5", encoding="gzip", data=packed)
    )
    scan = verify(tmp_path / "a.nrrd")
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0].ravel("F"), np.arange(120))


def test_more_bytes_are_skipped_than_the_packed_file_has(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(100_000) + bytes(range(120)))
    (tmp_path / "a.nrrd").write_bytes(plain("byte skip: 100000", encoding="gzip", data=packed))
    assert (tmp_path / "a.nrrd").stat().st_size < 100_000
    scan = verify(tmp_path / "a.nrrd")
    assert np.array_equal(scan.read(Box.whole(SHAPE))[0].ravel("F"), np.arange(120))


@pytest.mark.parametrize(
    ("unit", "mm"),
    [("um", 1e-3), ("microns", 1e-3), ("m", 1e3), ("cm", 10), ("mm", 1)],
)
@pytest.mark.parametrize("directions", [True, False])
def test_lengths_are_converted_to_mm(
    tmp_path: Path, unit: str, mm: float, directions: bool
) -> None:
    path = tmp_path / "a.nrrd"
    if directions:
        saved(path, values(), **{"space units": [unit] * 3})
    else:
        nrrd.write(str(path), values(), {"spacings": [2, 3, 4], "units": [unit] * 3})
    scan = open_scan(path)
    expected = np.linalg.norm(DIRECTIONS, axis=1) if directions else np.array([2, 3, 4])
    assert scan.spacing_mm == pytest.approx(tuple(expected * mm))
    assert any("converted" in warning for warning in scan.warnings) == (mm != 1)
    if not directions:
        return
    assert np.allclose(scan.affine[:3, 3], ORIGIN * (-1, -1, 1) * mm)

    mask_file.write(tmp_path / "mask.nrrd", np.ones(SHAPE, np.uint8), scan)

    _, header = nrrd.read(str(tmp_path / "mask.nrrd"))
    assert header["space units"] == [unit] * 3
    assert np.array_equal(header["space directions"], DIRECTIONS)
    assert np.array_equal(header["space origin"], ORIGIN)
    assert np.array_equal(open_scan(tmp_path / "mask.nrrd").affine, scan.affine)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"space units": ["s", "s", "s"]}, "no unit of length"),
        ({"space units": ["mm", "cm", "mm"]}, "different units"),
        ({"space units": ["", "", ""]}, "states no unit"),
    ],
    ids=str,
)
def test_a_unit_that_is_none_of_length_is_reported(
    tmp_path: Path, fields: dict[str, Any], words: str
) -> None:
    scan = open_scan(saved(tmp_path / "a.nrrd", values(), **fields))
    assert scan.spacing_mm == pytest.approx(tuple(np.linalg.norm(DIRECTIONS, axis=1)))
    assert any(words in warning for warning in scan.warnings)


def test_a_voxel_size_that_is_not_stated_is_reported(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "a.nrrd"), values(), {"spacings": [2, 3, np.nan]})
    scan = open_scan(tmp_path / "a.nrrd")
    assert scan.spacing_mm == (2, 3, 1)
    assert any("no voxel size" in warning for warning in scan.warnings)


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize(
    ("axis", "kind", "title"), [(0, "vector", "component"), (3, "time", "time point"),
                                (3, "list", "volume"), (1, "RGB-color", "component")],
)  # fmt: skip
def test_each_volume_of_a_file_has_the_voxels_that_pynrrd_reads(
    tmp_path: Path, axis: int, kind: str, title: str, encoding: str
) -> None:
    data = np.arange(360, dtype=">f4").reshape(np.insert(SHAPE, axis, 3))
    directions = np.insert(DIRECTIONS, axis, np.nan, axis=0)
    kinds = np.insert(np.array(["domain"] * 3, object), axis, kind)
    path = saved(
        tmp_path / "a.nrrd", data, encoding=encoding,
        **{"space directions": directions, "kinds": list(kinds), "endian": "big"},
    )  # fmt: skip
    with pytest.raises(UnsupportedScan, match="3 volumes"):
        open_scan(path)
    scans, _ = incoming_scans([path], tmp_path, Limits(), ScanSelection(each=True))
    assert [scan.name for scan in scans] == [f"{title} {n} of 3" for n in (1, 2, 3)]
    whole, _ = nrrd.read(str(path))
    for number, incoming in enumerate(scans):
        scan = verify(incoming.path)
        assert np.array_equal(scan.read(Box.whole(SHAPE))[0], whole.take(number, axis))
        assert np.allclose(scan.affine[:3, :3], DIRECTIONS.T * np.array([[-1], [-1], [1]]))
        assert scan.warnings == ()
        one, header = nrrd.read(str(incoming.path))
        assert np.array_equal(one, whole.take(number, axis))
        assert header["space units"] == ["mm"] * 3


def test_a_time_in_the_space_is_left_aside(tmp_path: Path) -> None:
    fields = {
        "space": "left-posterior-superior-time", "dimension": "4", "sizes": "5 6 4 2",
        "space_directions": "(1,0,0,0) (0,2,0,0) (0,0,3,0) (0,0,0,5)",
        "space_origin": "(7,8,9,0)", "kinds": "domain domain domain time",
    }  # fmt: skip
    (tmp_path / "a.nrrd").write_bytes(plain(data=bytes(240), **fields))
    (one, _), _ = incoming_scans(
        [tmp_path / "a.nrrd"], tmp_path, Limits(), ScanSelection(each=True)
    )
    assert np.array_equal(open_scan(one.path).affine @ (1, 1, 1, 1), (-8, -10, 12, 1))


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


@pytest.mark.slow
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
