"""The way back along one axis, against scipy and against applying each step by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import zoom

from imaging.axis_taps import AxisTaps
from imaging.box import Box
from imaging.preparation.way_back import Anchor, Cropped, Resized
from inference.way_to_scan import undone

LENGTH = st.integers(1, 30)


def apply(taps: AxisTaps, values: np.ndarray, axis: int = 0) -> np.ndarray:
    return taps.apply(values, axis, (taps.start, taps.stop), 0)


def one_axis(before: int, after: int, ratio: float | None = None, coarse: bool = False) -> Resized:
    anchor: Anchor = "edges" if ratio is None else "centres"
    back = 0 if coarse else None
    return Resized((before,), (after,), (ratio or before / after,), anchor, coarse_axis_back=back)


@given(LENGTH, LENGTH, st.booleans(), st.integers(0, 100))
def test_edges_are_those_of_scipys_zoom(before: int, after: int, coarse: bool, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=after).astype(np.float32)
    (taps,) = undone([one_axis(before, after, coarse=coarse)])
    expected = zoom(
        values.astype(np.float64),
        before / after,
        order=0 if coarse else 1,
        mode="nearest",
        grid_mode=True,
    )
    assert len(expected) == before
    np.testing.assert_allclose(apply(taps, values), expected, atol=1e-6)


@given(LENGTH, st.floats(0.3, 4), st.integers(0, 100))
def test_centres_are_linear_between_the_voxels(before: int, ratio: float, seed: int) -> None:
    after = round((before - 1) / ratio + 1)
    values = np.random.default_rng(seed).normal(size=after).astype(np.float32)
    (taps,) = undone([one_axis(before, after, ratio)])
    expected = np.interp(np.arange(before) / ratio, np.arange(after), values)
    np.testing.assert_allclose(apply(taps, values), expected, atol=1e-5)


@given(st.data(), st.integers(0, 100))
def test_steps_together_are_the_steps_one_by_one(data: st.DataObject, seed: int) -> None:
    """Cropped and resized in any order; what is outside a box counts as 0 for the next step."""
    steps, length = list[Cropped | Resized](), data.draw(LENGTH)
    for resize in data.draw(st.lists(st.booleans(), min_size=1, max_size=4)):
        if resize:
            after = data.draw(LENGTH)
            steps.append(one_axis(length, after))
        else:
            start = data.draw(st.integers(0, length - 1))
            stop = data.draw(st.integers(start + 1, length))
            steps.append(Cropped(Box((start,), (stop,)), (length,)))
            after = stop - start
        length = after
    values = np.random.default_rng(seed).normal(size=length).astype(np.float32)
    expected, inside = values, np.ones(length, bool)
    for step in reversed(steps):
        if isinstance(step, Resized):
            (one,) = undone([step])
            expected, inside = apply(one, expected), np.ones(step.before[0], bool)
        else:
            around = (step.box.start[0], step.grid[0] - step.box.stop[0])
            expected, inside = np.pad(expected, around), np.pad(inside, around)
    (taps,) = undone(steps)
    whole = np.zeros(taps.length, np.float32)
    whole[taps.start : taps.stop] = apply(taps, values)
    np.testing.assert_allclose(whole, expected, atol=1e-5)
    assert (~inside[: taps.start]).all()
    assert (~inside[taps.stop :]).all()
    assert inside[taps.start : taps.stop].all() or len(steps) > 1


@given(LENGTH, LENGTH, st.integers(0, 100))
def test_a_part_is_the_same_to_the_bit(before: int, after: int, seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(3, after, 2)).astype(np.float32)
    (taps,) = undone([one_axis(before, after), Cropped(Box((0,), (after,)), (after,))])
    whole = apply(taps, values, 1)
    start, stop = before // 3, before // 3 + before // 2 + 1
    stop = min(stop, before)
    low, high = taps.needed(start, stop)
    part = taps.apply(values[:, low:high], 1, (start, stop), low)
    np.testing.assert_array_equal(part, whole[:, start:stop])


def test_a_constant_is_kept_and_moving_copies_nothing() -> None:
    (taps,) = undone([one_axis(29, 7)])
    assert (apply(taps, np.full(7, 0.1, np.float32)) == np.float32(0.1)).all()
    (moved,) = undone([Cropped(Box((3,), (8,)), (20,))])
    values = np.arange(5)
    assert moved.moves_only
    assert np.shares_memory(apply(moved, values), values)
    assert (moved.start, moved.stop, moved.length) == (3, 8, 20)


@pytest.mark.parametrize(("anchor", "expected"), [("edges", [0, 1, 1]), ("centres", [0, 0, 1])])
def test_halfway_between_two_voxels(anchor: str, expected: list[int]) -> None:
    """scipy takes the second voxel, torch the even one."""
    (taps,) = undone([one_axis(3, 2, 2.0 if anchor == "centres" else None)], nearest=True)
    assert taps.index[0].tolist() == expected
