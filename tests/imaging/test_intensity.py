"""One normalisation a scan, against numpy on the whole array."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import imaging.intensity
from imaging.box import Box
from imaging.errors import UnsupportedScan
from imaging.intensity import normalisation, scan_blocks
from imaging.scan import Scan


@dataclass(frozen=True)
class Rule:
    kind: str
    lower: float | None = None
    upper: float | None = None
    mean: float = 0.0
    std: float = 1.0
    clip: bool = False


def scan_of(values: np.ndarray) -> Scan:
    """`values`: (c, ...)."""
    return Scan(
        values.shape,
        values.dtype,
        np.eye(4),
        None,
        "nifti",
        lambda box: values[:, *box.slices].copy(),
        values.shape[1:],
    )


def volume(dtype: str = "f4", shape: tuple[int, ...] = (1, 23, 31, 17)) -> np.ndarray:
    values = np.random.default_rng(4).gamma(2.0, 100.0, shape)
    return values.astype(dtype)


@pytest.fixture(params=[1 << 22, 700, 1])
def _block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging.intensity, "BLOCK_VALUES", request.param)


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize(
    "shape", [(1, 5, 7, 3), (3, 8, 9), (1, 1, 40, 30), (1, 1, 1, 1), (2, 9, 1)]
)
def test_blocks_partition_the_grid(shape: tuple[int, ...]) -> None:
    seen = np.zeros(shape[1:], int)
    for box in scan_blocks(scan_of(np.zeros(shape))):
        assert box.size * shape[0] <= max(imaging.intensity.BLOCK_VALUES, shape[0])
        seen[box.slices] += 1
    assert (seen == 1).all()


@pytest.mark.usefixtures("_block")
@pytest.mark.parametrize("dtype", ["f4", "f8", "i2", "u1"])
def test_zscore_is_that_of_the_whole(dtype: str) -> None:
    values = volume(dtype, (1, 5, 4, 3) if imaging.intensity.BLOCK_VALUES == 1 else (1, 23, 31, 17))
    got = normalisation(scan_of(values), Rule("zscore")).apply(values)
    whole = values.astype(np.float64)
    assert got.dtype == np.float32
    assert np.allclose(got, (whole - whole.mean()) / whole.std(), atol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "i2"])
@pytest.mark.parametrize("percents", [(1.0, 99.0), (0.0, 100.0), (0.5, 99.5)])
def test_percentiles_go_to_0_and_1(dtype: str, percents: tuple[float, float]) -> None:
    values = volume(dtype)
    got = normalisation(scan_of(values), Rule("percentile", *percents)).apply(values)
    low, high = np.percentile(values, percents, method="inverted_cdf")
    assert np.allclose(got, (values - low) / (high - low), atol=2e-3)


def test_percentiles_of_colour_are_those_of_its_components_together() -> None:
    values = volume("u1", (3, 40, 50)) // np.array([1, 2, 4], np.uint8)[:, None, None]
    got = normalisation(scan_of(values), Rule("percentile", 2.0, 98.0))
    low, high = np.percentile(values, (2, 98), method="inverted_cdf")
    assert abs(got.shift - low) < 0.01
    assert abs(got.shift + got.scale - high) < 0.02


@pytest.mark.parametrize("stray", [1e6, 1e12, 3e38, -1e9])
def test_a_stray_voxel_does_not_blur_the_percentiles(stray: float) -> None:
    values = volume()
    values[0, 3, 4, 5] = stray
    got = normalisation(scan_of(values), Rule("percentile", 1.0, 99.0))
    low, high = np.percentile(values.astype(np.float64), (1, 99), method="inverted_cdf")
    assert abs(got.shift - low) < 0.01 * (high - low)
    assert abs(got.scale - (high - low)) < 0.01 * (high - low)


def test_many_stray_voxels_below_count_as_below() -> None:
    values = volume()
    values.ravel()[::150] = -1e9
    got = normalisation(scan_of(values), Rule("percentile", 1.0, 99.0))
    low, high = np.percentile(values.astype(np.float64), (1, 99), method="inverted_cdf")
    assert abs(got.shift - low) < 0.01 * (high - low)
    assert abs(got.scale - (high - low)) < 0.01 * (high - low)


def test_percentiles_of_a_nearly_empty_scan_take_few_passes() -> None:
    values = np.zeros((1, 40, 40, 40), np.float32)
    values[0, :2, :3, :4] = 7.0
    passes = 0
    plain = scan_of(values)

    def counted(box: Box) -> np.ndarray:
        nonlocal passes
        passes += 1
        return plain.reader(box)

    got = normalisation(replace(plain, reader=counted), Rule("percentile", 1.0, 99.0))
    assert (got.shift, got.scale) == (0.0, 1.0)
    assert passes <= 4


FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(low=FLOATS, high=FLOATS, share=st.floats(0, 1), percents=st.tuples(*[st.floats(0, 100)] * 2))
@example(low=-1000.5, high=0.001, share=0.999, percents=(1.0, 99.0))
@example(low=-3.4e38, high=3.4e38, share=0.5, percents=(1.0, 99.0))
@example(low=1e-30, high=3e38, share=0.001, percents=(0.0, 50.0))
def test_percentiles_of_any_two_values_are_finite(
    low: float, high: float, share: float, percents: tuple[float, float]
) -> None:
    values = np.full((1, 10, 10, 10), low, np.float32)
    values.ravel()[: round(share * values.size)] = high
    norm = normalisation(scan_of(values), Rule("percentile", min(percents), max(percents)))
    assert np.isfinite(norm.shift)
    assert np.isfinite(norm.scale)
    assert norm.scale > 0
    assert np.isfinite(norm.apply(values)).all()


def test_fixed_clips_before_it_shifts() -> None:
    values = np.array([[[-2000.0, -100.0, 0.0, 300.0, 5000.0]]], np.float32)
    got = normalisation(scan_of(values), Rule("fixed", -160, 240, 40.0, 100.0)).apply(values)
    assert np.allclose(got, [[[-2.0, -1.4, -0.4, 2.0, 2.0]]])


def test_none_leaves_values_alone() -> None:
    values = volume()
    assert np.array_equal(normalisation(scan_of(values), Rule("none")).apply(values), values)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["zscore", "percentile", "none"])
def test_voxels_that_are_not_finite_become_the_lowest(bad: float, kind: str) -> None:
    values = volume()
    holes = np.random.default_rng(1).random(values.shape) < 0.1
    clean = values.copy()
    values[holes] = bad
    finite = values[~holes]
    norm = normalisation(scan_of(values), Rule(kind, 1.0, 99.0))
    assert norm.nonfinite == holes.sum()
    clean[holes] = finite.min()
    expected = (clean.astype(np.float64) - norm.shift) / norm.scale
    assert np.allclose(norm.apply(values), expected, atol=1e-5)
    if kind == "zscore":
        assert np.isclose(norm.shift, finite.astype(np.float64).mean())


def test_what_float32_cannot_hold_counts_as_not_finite() -> None:
    values = volume("f8")
    values[0, 0, 0, 0] = 1e300
    norm = normalisation(scan_of(values), Rule("zscore"))
    assert norm.nonfinite == 1
    assert np.isfinite(norm.apply(values)).all()


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-25, -1024.0, 1e30])
@pytest.mark.parametrize("kind", ["zscore", "percentile", "none"])
def test_a_constant_scan_is_finite_and_constant(value: float, kind: str) -> None:
    values = np.full((1, 9, 8, 7), value, np.float32)
    got = normalisation(scan_of(values), Rule(kind, 1.0, 99.0)).apply(values)
    assert np.isfinite(got).all()
    assert got.min() == got.max()


@pytest.mark.parametrize("kind", ["zscore", "percentile"])
@pytest.mark.parametrize("values", [volume() * np.float32(1e-42), 1 + volume("f8") * 1e-12])
def test_a_spread_beyond_float32_stays_finite(kind: str, values: np.ndarray) -> None:
    norm = normalisation(scan_of(values), Rule(kind, 1.0, 99.0))
    assert norm.scale == 1.0
    assert np.isfinite(norm.apply(values)).all()


def test_a_scan_without_a_finite_voxel_is_refused() -> None:
    with pytest.raises(UnsupportedScan, match="no finite voxel") as error:
        normalisation(scan_of(np.full((1, 2, 3, 4), np.nan, np.float32)), Rule("none"))
    assert error.value.hint


def test_a_tile_is_normalised_as_in_the_whole() -> None:
    values = volume()
    scan = scan_of(values)
    norm = normalisation(scan, Rule("zscore"))
    box = Box((3, 0, 5), (9, 31, 17))
    assert np.array_equal(norm.apply(scan.read(box)), norm.apply(values)[:, *box.slices])


def test_percentiles_may_clip() -> None:
    values = volume()
    scan = scan_of(values)
    plain = normalisation(scan, Rule("percentile", 5, 95)).apply(values)
    clipped = normalisation(scan, Rule("percentile", 5, 95, clip=True)).apply(values)
    assert plain.min() < 0 < 1 < plain.max()
    np.testing.assert_allclose(clipped, plain.clip(0, 1), atol=1e-6)
