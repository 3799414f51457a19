"""Arrays in files without a name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

import imaging.large_arrays
from imaging.box import Box
from imaging.errors import StorageFull
from imaging.large_arrays import cached, large_zeros, slabs
from imaging.scan import in_memory


@pytest.mark.slow
def test_a_large_array_lies_in_a_file_that_nobody_sees(tmp_path: Path) -> None:
    small, large = (
        large_zeros((3, 4), np.uint8, tmp_path),
        large_zeros((1 << 13, 1 << 13), "u1", tmp_path),
    )
    assert not isinstance(small, np.memmap)
    assert not isinstance(large, np.memmap)  # just at the limit
    larger = large_zeros((1 << 14, 1 << 14), "u2", tmp_path)
    assert isinstance(larger, np.memmap)
    assert not list(tmp_path.iterdir())
    assert not larger.any()
    before = psutil.Process().memory_full_info().uss
    larger[:] = 7
    assert psutil.Process().memory_full_info().uss - before < 400 << 20
    assert int(larger[-1, -1]) == 7


def test_want_of_room_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging.large_arrays, "IN_MEMORY_BYTES", 0)
    free = psutil.disk_usage(str(tmp_path)).free
    with pytest.raises(StorageFull):
        large_zeros((free * 2,), np.uint8, tmp_path)
    assert psutil.disk_usage(str(tmp_path)).free > free // 2


@pytest.mark.parametrize(
    ("shape", "voxels", "expected"),
    [((7, 10), 25, [2, 2, 2, 1]), ((3, 100), 10, [1, 1, 1]), ((5,), 8, [5]), ((0, 4), 8, [])],
)
def test_slabs_cover_the_first_axis(
    shape: tuple[int, ...], voxels: int, expected: list[int]
) -> None:
    found = list(slabs(shape, voxels))
    assert [rows.stop - rows.start for rows in found] == expected
    assert [rows.start for rows in found] == [sum(expected[:n]) for n in range(len(expected))]


def test_a_kept_scan_is_made_once_and_only_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging.large_arrays, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(imaging.large_arrays, "SLAB_VOXELS", 50)
    values, read = np.random.default_rng(0).normal(size=(2, 9, 8, 7)).astype(np.float32), []
    scan = in_memory(values)

    def counted(box: Box) -> np.ndarray:
        read.append(box)
        return scan.read(box)

    found = cached(replace(scan, reader=counted), tmp_path)
    assert not read
    for box in (Box((1, 2, 3), (4, 8, 7)), Box.whole(scan.grid)):
        np.testing.assert_array_equal(found.read(box), scan.read(box))
    assert sum(box.size for box in read) == values[0].size
    assert max(box.size for box in read) <= 25
