"""Objects apart: drawn by hand, and against a breadth-first search and skimage."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as skimage_label

import imaging.large_arrays
from imaging.instances import number_instances

S, R = 1, 2


@pytest.fixture(params=[1, 12, 50, 1 << 23], autouse=True, scope="module")
def slab_voxels(request: pytest.FixtureRequest) -> Iterator[None]:
    """However many voxels are looked at at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaging.large_arrays, "SLAB_VOXELS", request.param)
        yield


def drawn(text: str) -> np.ndarray:
    rows = [line.strip() for line in text.strip().splitlines()]
    codes = {".": 0, "S": S, "r": R}
    return np.array([[codes.get(c, 0) if c in codes else int(c) for c in row] for row in rows])


def test_touching_objects_share_their_rim_by_distance() -> None:
    outputs = drawn("""
        rrrrrrrr
        rSrrrrSr
        rrrrrrrr
        ........
        rr..rrSr
    """)
    assert np.array_equal(number_instances(outputs, S, R, 1), drawn("""
        11112222
        11112222
        11112222
        ........
        33..4444
    """))  # fmt: skip


def test_distance_goes_around_and_not_across_background() -> None:
    outputs = drawn("""
        Srr
        .r.
        S..
    """)
    assert np.array_equal(number_instances(outputs, S, R, 1), drawn("111\n.1.\n2.."))


def test_small_objects_are_dropped_and_numbers_have_no_gaps() -> None:
    outputs = drawn("""
        ..S.....
        SS......
        .....rr.
        .S.r.rS.
    """)
    assert np.array_equal(number_instances(outputs, S, R, 2), drawn("""
        ........
        11......
        .....22.
        .....22.
    """))  # fmt: skip


def test_numbers_follow_the_first_voxel_of_the_whole_object_in_raster_order() -> None:
    outputs = drawn("""
        .....r
        S....r
        S....S
    """)
    assert np.array_equal(number_instances(outputs, S, R, 1), drawn(".....1\n2....1\n2....1"))


@pytest.mark.parametrize("shape", [(0, 4), (3, 4), (1, 1), (2, 3, 4), (1, 1, 1)])
def test_nothing_gives_nothing(shape: tuple[int, ...]) -> None:
    got = number_instances(np.zeros(shape, np.uint8), S, R, 1)
    assert got.shape == shape
    assert not got.any()


def by_search(outputs: np.ndarray, min_voxels: int) -> np.ndarray:
    """A breadth-first search from all seeds at once, one voxel at a time, lower number first."""
    labels = skimage_label(outputs == S, connectivity=1)
    steps = [np.eye(outputs.ndim, dtype=int)[a] * s for a in range(outputs.ndim) for s in (1, -1)]
    front = deque(map(tuple, np.argwhere(labels)))
    while front:
        reached: dict[tuple[int, ...], int] = {}
        for voxel in front:
            for step in steps:
                to = tuple(int(n) for n in np.add(voxel, step))
                if all(0 <= t < n for t, n in zip(to, labels.shape, strict=True)) and (
                    outputs[to] == R and labels[to] == 0
                ):
                    reached[to] = min(reached.get(to, 1 << 30), labels[voxel])
        for to, number in reached.items():
            labels[to] = number
        front = deque(reached)
    islands = skimage_label((outputs == R) & (labels == 0), connectivity=1)
    labels = np.where(islands > 0, islands + labels.max(), labels)
    out, number = np.zeros(labels.shape, int), 0
    for old in dict.fromkeys(labels[labels > 0].tolist()):
        if (labels == old).sum() >= min_voxels:
            number += 1
            out[labels == old] = number
    return out


@settings(max_examples=120, deadline=None)
@given(
    outputs=st.sampled_from([(9, 11), (1, 13), (4, 5, 6)]).flatmap(
        lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2))
    ),
    fill=st.floats(0.3, 1.0),
    min_voxels=st.integers(1, 4),
)
def test_objects_are_those_of_a_plain_search(
    outputs: np.ndarray, fill: float, min_voxels: int
) -> None:
    seeds = np.random.default_rng(1).random(outputs.shape)
    outputs = np.where((outputs == S) & (seeds > 0.5), R, outputs)
    outputs = np.where(seeds < fill, outputs, 0).astype(np.uint8)
    got = number_instances(outputs, S, R, min_voxels)
    assert got.dtype == np.uint16
    assert np.array_equal(got, by_search(outputs, min_voxels))


def test_more_than_65535_objects_are_numbered_in_32_bits() -> None:
    outputs = np.zeros((520, 520), np.uint8)
    outputs[::2, ::2] = S
    got = number_instances(outputs, S, R, 1)
    assert got.dtype == np.uint32
    assert got.max() == 260 * 260
    assert np.array_equal(got[::2, ::2].ravel(), np.arange(1, 260 * 260 + 1))
