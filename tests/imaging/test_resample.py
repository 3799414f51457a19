"""Separable resampling: independent of the region to the bit, and right by an outside measure."""

from dataclasses import replace
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imaging.resample
from imaging.box import Box
from imaging.errors import BadRequest
from imaging.resample import Axis, at_spacing, needed_box, resample_box, resampled_length
from imaging.scan import Scan, in_memory

RATIOS = (0.7, 1.0, 1.5, 4.2)


def scan_of(values: np.ndarray, spacing: tuple[float, ...]) -> Scan:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = (5, -3, 11)
    return Scan(
        (1, *values.shape),
        values.dtype,
        affine,
        spacing,
        "nifti",
        lambda box: values[box.slices][np.newaxis].copy(),
        values.shape,
    )


def by_hand(values: np.ndarray, n_out: int, *, widen: bool) -> np.ndarray:
    """One axis, voxel by voxel, straight from the definition of the triangle kernel."""
    n_in, out = len(values), []
    ratio = n_in / n_out
    reach = max(1.0, ratio) if widen else 1.0
    for o in range(n_out):
        x = (o + 0.5) * ratio - 0.5
        near = range(floor(x - reach), floor(x + reach) + 2)
        triangle = {i: max(0.0, 1 - abs(i - x) / reach) for i in near}
        first = sum(w * (i - x) for i, w in triangle.items())
        second = sum(w * (i - x) ** 2 for i, w in triangle.items())
        lean = first / second if reach > 1 else 0.0
        weights = {i: w * (1 - lean * (i - x)) for i, w in triangle.items()}
        total = sum(w * float(values[min(max(i, 0), n_in - 1)]) for i, w in weights.items())
        out.append(total / sum(weights.values()))
    return np.array(out)


@given(
    n_in=st.integers(1, 40),
    n_out=st.integers(1, 40),
    widen=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=100, deadline=None)
def test_one_axis_is_the_kernel_summed_by_hand(
    n_in: int, n_out: int, widen: bool, seed: int
) -> None:
    values = np.random.default_rng(seed).standard_normal(n_in).astype(np.float32)
    got = resample_box(
        values[np.newaxis], Box((0,), (n_in,)), [Axis(n_in, n_out, widen)], Box((0,), (n_out,))
    )[0]
    assert np.allclose(got, by_hand(values, n_out, widen=widen), atol=1e-5)


def boxes(shape: tuple[int, ...]) -> st.SearchStrategy[Box]:
    ranges = [
        st.tuples(st.integers(0, n - 1), st.integers(1, n)).map(
            lambda ab, n=n: (ab[0], min(n, ab[0] + ab[1]))  # type: ignore[misc]
        )
        for n in shape
    ]
    return st.tuples(*ranges).map(
        lambda spans: Box(tuple(a for a, _ in spans), tuple(b for _, b in spans))
    )


@given(data=st.data(), ratio=st.tuples(*[st.sampled_from(RATIOS)] * 3), widen=st.booleans())
@settings(max_examples=100, deadline=None)
def test_no_value_depends_on_the_box_asked_for(
    data: st.DataObject, ratio: tuple[float, ...], widen: bool
) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 23)] * 3))
    axes = [Axis(n, resampled_length(n, 1.0, r), widen) for n, r in zip(shape, ratio, strict=True)]
    grid = tuple(axis.n_out for axis in axes)
    values = np.random.default_rng(7).standard_normal((2, *shape)).astype(np.float32)
    whole = resample_box(values, Box.whole(shape), axes, Box.whole(grid))
    box = data.draw(boxes(grid))
    needed = needed_box(axes, box)
    part = resample_box(values[:, *needed.slices], needed, axes, box)
    assert part.dtype == np.float32
    assert np.array_equal(part, whole[:, *box.slices])


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("widen", [True, False])
@pytest.mark.parametrize("constant", [0.1, 1 / 3, -1024.0, 1e7, 65535.0])
def test_a_constant_stays_what_it_is(ratio: float, widen: bool, constant: float) -> None:
    axes = [Axis(n, resampled_length(n, 1.0, ratio), widen) for n in (13, 1, 8)]
    values = np.full((1, 13, 1, 8), constant, np.float32)
    box = Box.whole([axis.n_out for axis in axes])
    got = resample_box(values, Box.whole((13, 1, 8)), axes, box)
    assert (got == np.float32(constant)).all()


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("widen", [True, False])
def test_a_ramp_stays_a_ramp_away_from_the_edges(ratio: float, widen: bool) -> None:
    axis = Axis(60, resampled_length(60, 1.0, ratio), widen)
    ramp = (3 + 0.25 * np.arange(60, dtype=np.float32))[np.newaxis]
    got = resample_box(ramp, Box((0,), (60,)), [axis], Box((0,), (axis.n_out,)))[0]
    centre = (np.arange(axis.n_out) + 0.5) * axis.ratio - 0.5
    inner = (centre > axis.reach) & (centre < 59 - axis.reach)
    assert inner.sum() > 5
    assert np.allclose(got[inner], 3 + 0.25 * centre[inner], atol=2e-5)


def test_an_axis_that_keeps_its_length_keeps_its_values() -> None:
    values = np.random.default_rng(0).standard_normal((1, 9, 6)).astype(np.float32)
    values[0, 3, 3] = np.nan
    axes = [Axis(9, 9, True), Axis(6, 6)]
    got = resample_box(values, Box.whole((9, 6)), axes, Box((2, 1), (7, 6)))
    assert np.array_equal(got, values[:, 2:7, 1:6], equal_nan=True)


@pytest.mark.parametrize(
    ("n", "own", "wanted", "length"),
    [(10, 1.0, 1.0, 10), (10, 1.0, 0.7, 14), (10, 1.0, 4.2, 2), (1, 1.0, 9.0, 1), (1, 3.0, 1.0, 3)],
)
def test_lengths_cover_the_same_stretch(n: int, own: float, wanted: float, length: int) -> None:
    assert resampled_length(n, own, wanted) == length


def test_a_block_that_lacks_what_the_kernel_reads_is_refused() -> None:
    axes = [Axis(10, 14)]
    needed = needed_box(axes, Box((5,), (9,)))
    short = Box((needed.start[0] + 1,), needed.stop)
    with pytest.raises(BadRequest):
        resample_box(np.zeros((1, *short.shape), np.float32), short, axes, Box((5,), (9,)))
    short = Box(needed.start, (needed.stop[0] - 1,))
    with pytest.raises(BadRequest):
        resample_box(np.zeros((1, *short.shape), np.float32), short, axes, Box((5,), (9,)))


def field(mm: np.ndarray) -> np.ndarray:
    return mm @ np.array([0.5, -0.25, 0.125]) + 2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.5, 4.2), (2.0, 0.5, 9.0)])
def test_a_scan_at_a_spacing_lies_where_it_lay(spacing: tuple[float, float, float]) -> None:
    """A field that is linear in the world is the same field on the new grid."""
    shape = (20, 24, 16)
    scan = scan_of(np.zeros(shape, np.float32), (1.0, 1.2, 2.0))
    grid = np.moveaxis(np.indices(shape), 0, -1)
    values = field(grid @ scan.affine[:3, :3].T + scan.affine[:3, 3]).astype(np.float32)
    view = at_spacing(scan_of(values, (1.0, 1.2, 2.0)), spacing)
    world = np.moveaxis(np.indices(view.grid), 0, -1) @ view.affine[:3, :3].T + view.affine[:3, 3]
    got, expected = view.read(Box.whole(view.grid))[0], field(world)
    reach = [int(np.ceil(w / o)) + 2 for w, o in zip((1.0, 1.2, 2.0), spacing, strict=True)]
    reach = [min(r, (n - 1) // 2) for r, n in zip(reach, view.grid, strict=True)]
    inner = tuple(slice(r, n - r) for r, n in zip(reach, view.grid, strict=True))
    assert got[inner].size > 0
    assert np.allclose(got[inner], expected[inner], atol=1e-4)
    extent = [n * mm for n, mm in zip(view.grid, view.spacing_mm or (), strict=True)]
    assert np.allclose(extent, [20.0, 28.8, 32.0])
    assert np.allclose(np.abs(np.diag(view.affine)[:3]), np.array(view.spacing_mm))


def test_a_scan_without_a_spacing_cannot_be_brought_to_one() -> None:
    scan = Scan(
        (1, 4, 4), np.dtype(np.uint8), np.eye(4), None, "png", lambda b: np.zeros(b.shape), (4, 4)
    )
    with pytest.raises(BadRequest, match="does not state the size of its voxels"):
        at_spacing(scan, (1.0, 1.0))


@pytest.mark.parametrize("wanted", [(3.0, 5.0, 2.0), (0.4, 0.7, 1.0)])
def test_much_is_read_in_parts_and_comes_out_the_same(
    wanted: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    values = np.random.default_rng(3).normal(size=(2, 40, 50, 30)).astype(np.float32)
    scan = in_memory(values, (1.0, 1.0, 1.0))
    whole = at_spacing(scan, wanted)
    expected = whole.read(Box.whole(whole.grid))
    monkeypatch.setattr(imaging.resample, "_READ_VOXELS", 4000)
    largest = []

    def counted(box: Box) -> np.ndarray:
        largest.append(box.size)
        return scan.read(box)

    parted = at_spacing(replace(scan, reader=counted), wanted)
    np.testing.assert_array_equal(parted.read(Box.whole(parted.grid)), expected)
    assert max(largest) < values[0].size / 2
