"""Runs of voxels: packed, checked against the mask, and applied to a mask of any storage."""

import gzip
import hashlib
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from imaging import large_arrays
from imaging.editable_mask import EditableMask, LabelChange, difference
from imaging.errors import BadRequest, ScanTooLarge
from imaging.formats import mask_file
from imaging.formats.label_map import upright
from imaging.scan import in_memory
from imaging.voxel_runs import RunRules, RunTotals, checked_totals, join_runs, pack_runs, read_runs

RULES = RunRules(voxels=60, labels=(2, 700))


def packed(*runs: tuple[int, int, int]) -> bytes:
    return pack_runs(np.array(runs, np.uint32).reshape(-1, 3))


def runs_between(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The runs that change one volume (i, j, k) into the other, without any code of Tessera."""
    before, after = (one.flatten(order="F") for one in (old, new))
    places = np.flatnonzero(before != after)
    runs: list[list[int]] = []
    for place in places.tolist():
        value = int(after[place])
        if runs and runs[-1][0] + runs[-1][1] == place and runs[-1][2] == value:
            runs[-1][1] += 1
        else:
            runs.append([place, 1, value])
    return np.array(runs, np.uint32).reshape(-1, 3)


def test_runs_are_read_and_counted() -> None:
    sent = packed((0, 60, 2), (59, 1, 0), (3, 4, 700))
    (chunk,) = read_runs(sent)
    assert chunk.tolist() == [[0, 60, 2], [59, 1, 0], [3, 4, 700]]
    digest = hashlib.sha256(gzip.decompress(sent)).hexdigest()
    assert checked_totals(sent, RULES) == RunTotals(3, 65, digest)
    again = gzip.compress(gzip.decompress(sent), 0, mtime=9)
    assert checked_totals(again, RULES) == checked_totals(sent, RULES)
    assert checked_totals(packed(), RULES).runs == 0
    assert gzip.decompress(packed((1, 2, 700))) == bytes([1, 0, 0, 0, 2, 0, 0, 0, 188, 2, 0, 0])


@pytest.mark.parametrize(
    ("runs", "part"),
    [
        ([(60, 1, 2)], "ends outside the scan"),
        ([(0, 61, 2)], "ends outside the scan"),
        ([(1, 2, 2), (0xFFFFFFFF, 0xFFFFFFFF, 2)], "ends outside the scan"),
        ([(5, 0, 2)], "has no voxel"),
        ([(5, 1, 2), (5, 1, 1)], "1 is no label"),
        ([(5, 1, 701)], "701 is no label"),
        ([(5, 1, 2 + (1 << 16))], "65538 is no label"),
    ],
)
def test_runs_that_do_not_fit_the_mask(runs: list[tuple[int, int, int]], part: str) -> None:
    with pytest.raises(BadRequest, match=part):
        checked_totals(packed(*runs), RULES)


def test_numbers_of_objects() -> None:
    rules = RunRules(60, (1,), largest=300)
    assert checked_totals(packed((0, 1, 300), (1, 1, 0)), rules).runs == 2
    with pytest.raises(BadRequest, match="301 is no label"):
        checked_totals(packed((0, 1, 301)), rules)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"not gzip",
        packed((0, 1, 2))[:-1],
        packed((0, 1, 2))[:-9],
        packed((0, 1, 2)) + b"junk",
        packed((0, 1, 2))[:-8] + b"\0" * 8,
        zlib.compress(bytes(12)),
        gzip.compress(bytes(13), mtime=0),
        gzip.compress(bytes([0, 0, 0, 0, 1]), mtime=0),
    ],
    ids=[
        *("empty", "no gzip", "an end too short", "no end", "more after the end"),
        *("a wrong checksum", "zlib", "13 bytes", "5 bytes"),
    ],
)
def test_damaged_streams(sent: bytes) -> None:
    with pytest.raises(BadRequest):
        checked_totals(sent, RULES)


def test_a_small_stream_of_many_runs_is_refused_early() -> None:
    """1.2 GB of runs in 1.2 MB: no more is unpacked than is allowed."""
    run = np.array([0, 1, 2], "<u4").tobytes() * (1 << 16)
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(run) for _ in range(100)) + packer.flush()
    assert len(bomb) < 1 << 20
    with pytest.raises(ScanTooLarge, match="too many runs"):
        checked_totals(bomb, RunRules(60, (2,), most_runs=1 << 17))


def test_sets_are_joined_to_one_member(tmp_path: Path) -> None:
    """Which a browser's DecompressionStream unpacks; it refuses several members."""
    join_runs([packed((0, 1, 2)), packed(), packed((1, 2, 0), (4, 1, 2))], tmp_path / "all.gz")
    inflater = zlib.decompressobj(wbits=31)
    runs = inflater.decompress((tmp_path / "all.gz").read_bytes())
    assert inflater.eof
    assert not inflater.unused_data
    assert np.frombuffer(runs, "<u4").reshape(-1, 3).tolist() == [[0, 1, 2], [1, 2, 0], [4, 1, 2]]


@pytest.mark.parametrize("in_file", [False, True])
def test_runs_change_a_volume_exactly(
    in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the order of its axes in memory is, and if it is mapped from a file."""
    monkeypatch.setattr(large_arrays, "IN_MEMORY_BYTES", 0 if in_file else 1 << 20)
    rng = np.random.default_rng(7)
    old = rng.integers(0, 3, (5, 4, 3), np.uint8)
    new = np.where(rng.random(old.shape) < 0.4, rng.choice([0, 2, 700], old.shape), old)
    for stored in (old, np.asfortranarray(old), old[::-1][::-1]):
        edited = EditableMask.copy(stored, 700, tmp_path)
        edited.apply(runs_between(old, new))
        assert np.array_equal(edited.mask, new)
        assert edited.flat.dtype == np.uint16
    assert np.array_equal(edited.flat, new.flatten(order="F"))
    assert np.array_equal(old, stored), "the base stays"


def test_runs_apply_in_their_order() -> None:
    edited = EditableMask.copy(np.zeros((4, 2, 1), np.uint8), 9)
    edited.apply(np.array([[0, 8, 9], [2, 3, 4], [3, 1, 0]], np.uint32))
    assert edited.flat.tolist() == [9, 9, 4, 0, 4, 9, 9, 9]


@pytest.mark.parametrize("name", ["mask.png", "mask.ome.tiff"])
def test_an_image_has_the_order_of_its_nifti(name: str, tmp_path: Path) -> None:
    """That is what the page downloads and draws on."""
    rng = np.random.default_rng(3)
    old = rng.integers(0, 3, (6, 5), np.uint8)
    new = np.where(rng.random(old.shape) < 0.4, 2, old).astype(np.uint8)
    scan = in_memory(np.zeros((1, 6, 5), np.uint8))
    mask_file.write(tmp_path / name, old, scan)
    edited = EditableMask.copy(mask_file.read(tmp_path / name, 2), 2)
    edited.apply(runs_between(upright(old), upright(new)))
    assert np.array_equal(edited.mask, new)


def test_the_difference_is_counted_by_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imaging.editable_mask._BLOCK_VOXELS", 20)
    rng = np.random.default_rng(1)
    old, new = rng.integers(0, 4, (2, 5, 6, 7)).astype(np.uint8)
    new[new == 3] = 0
    new[0, 0, 0], old[0, 0, 0] = 200, 0
    found = difference(old, new)
    assert found.voxels == np.count_nonzero(old != new)
    assert found.labels == tuple(
        LabelChange(
            label,
            int(np.count_nonzero((new == label) & (old != label))),
            int(np.count_nonzero((old == label) & (new != label))),
        )
        for label in (1, 2, 3, 200)
    )
    assert all(a.label < b.label for a, b in pairwise(found.labels))
    assert difference(old, old) == difference(old.astype(np.uint16), old)
    assert difference(old, old).labels == ()


def test_objects_count_together() -> None:
    old = np.array([[0, 1, 2, 2, 0]], np.uint16)
    new = np.array([[3, 1, 1, 0, 700]], np.uint16)
    found = difference(old, new, together=5)
    assert (found.voxels, found.labels) == (4, (LabelChange(5, 2, 1),))
    renumbered = difference(old, np.array([[0, 9, 2, 2, 0]], np.uint16), together=5)
    assert (renumbered.voxels, renumbered.labels) == (1, ())
