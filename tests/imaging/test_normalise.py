"""The step `normalise` against what nnU-Net computes, written in numpy, and MONAI's transforms."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.transforms.intensity.array import (
    NormalizeIntensity,
    ScaleIntensity,
    ScaleIntensityRange,
    ScaleIntensityRangePercentiles,
)

import imaging.large_arrays
from imaging.errors import UnsupportedScan
from imaging.preparation.normalise import Normalise
from imaging.preparation.prepared import Prepared, PreparedChannel
from imaging.preparation.voxels import Voxels

SHAPE = (3, 11, 9, 7)


@pytest.fixture(params=[250, 1 << 23], autouse=True, scope="module")
def slab_voxels(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaging.large_arrays, "SLAB_VOXELS", request.param)
        yield


def volume(seed: int = 0) -> np.ndarray:
    """Three channels of values that differ widely, a third of them 0."""
    random = np.random.default_rng(seed)
    values = random.gamma(2.0, 100.0, SHAPE) * np.array([1, 5, 30]).reshape(3, 1, 1, 1) - 40
    values[random.random(SHAPE) < 0.3] = 0
    return values.astype(np.float32)


def normalised(
    values: np.ndarray,
    *rules: dict[str, Any],
    together: bool = False,
    channels: tuple[PreparedChannel, ...] | None = None,
    **facts: Any,
) -> np.ndarray:
    step = Normalise.model_validate({"step": "normalise", "rules": rules, "together": together})
    kinds = channels or tuple(PreparedChannel(f"c{n}") for n in range(len(values)))
    return step.apply(Prepared(values.copy(), kinds, None, **facts)).values


def close(ours: np.ndarray, theirs: Any) -> None:
    expected = np.asarray(theirs)
    np.testing.assert_allclose(ours, expected, rtol=2e-6, atol=2e-6 * np.abs(expected).max())


def each(values: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([function(channel.astype(np.float64)) for channel in values])


def test_nnunets_schemes() -> None:
    values = volume()
    ct = {"kind": "fixed", "lower": -30.0, "upper": 250.0, "mean": 77.5, "std": 61.0}
    close(normalised(values, ct), (values.clip(-30, 250) - 77.5) / 61)
    close(normalised(values, {"kind": "zscore"}), each(values, lambda v: (v - v.mean()) / v.std()))
    close(
        normalised(values, {"kind": "extremes"}),
        each(values, lambda v: (v - v.min()) / (v.max() - v.min())),
    )
    close(normalised(values, {"kind": "fixed", "std": 255}), values / 255)
    assert np.array_equal(normalised(values, {"kind": "none"}), values)


def test_a_z_score_inside_the_mask_leaves_the_rest() -> None:
    values, inside = volume(), np.random.default_rng(5).random(SHAPE[1:]) < 0.6

    def inside_only(channel: np.ndarray) -> np.ndarray:
        kept = channel[inside]
        channel[inside] = (kept - kept.mean()) / kept.std()
        return channel

    result = normalised(values, {"kind": "zscore", "over": "inside"}, inside=inside)
    close(result, each(values, inside_only))
    assert np.array_equal(result[:, ~inside], values[:, ~inside])
    whole = normalised(values, {"kind": "zscore", "over": "inside"})
    assert np.array_equal(whole, normalised(values, {"kind": "zscore"}))


@pytest.mark.parametrize("nonzero", [False, True])
@pytest.mark.parametrize("channel_wise", [False, True])
def test_monais_normalize_intensity(nonzero: bool, channel_wise: bool) -> None:
    values, over = volume(), "nonzero" if nonzero else "all"
    home = NormalizeIntensity(nonzero=nonzero, channel_wise=channel_wise)(values.copy())
    close(normalised(values, {"kind": "zscore", "over": over}, together=not channel_wise), home)
    stated = NormalizeIntensity([100, 200, 300], [50, 60, 70], nonzero, channel_wise=True)
    rules = [
        {"kind": "fixed", "mean": mean, "std": std, "over": over}
        for mean, std in ((100, 50), (200, 60), (300, 70))
    ]
    close(normalised(values, *rules), stated(values.copy()))


@pytest.mark.parametrize(
    ("clip", "output"),
    [(False, None), (False, (0.0, 1.0)), (True, (0.0, 1.0)), (False, (-1.0, 3.0))],
)
def test_monais_ranges(clip: bool, output: tuple[float, float] | None) -> None:
    values = volume()
    b_min, b_max = output or (None, None)
    rule = {"output": output, "clip": clip}
    home = ScaleIntensityRange(-57, 164, b_min, b_max, clip)(values.copy())
    close(normalised(values, rule | {"kind": "range", "input": (-57, 164)}), home)
    for together in (False, True):
        percents = rule | {"kind": "percentiles", "lower": 2.5, "upper": 99.0}
        for relative in (False, True) if output else (False,):
            percentiles = ScaleIntensityRangePercentiles(
                2.5, 99.0, b_min, b_max, clip, relative, channel_wise=not together
            )(values.copy())
            ours = normalised(values, percents | {"relative": relative}, together=together)
            close(ours, percentiles)
        if not clip:
            scaled = ScaleIntensity(b_min, b_max, None if output else 0.0, not together)
            if output:
                extremes = normalised(values, rule | {"kind": "extremes"}, together=together)
                close(extremes, scaled(values.copy()))


def test_the_channels_of_one_rule_each() -> None:
    values = volume()
    rules: list[dict[str, Any]] = [
        {"kind": "none"},
        {"kind": "zscore"},
        {"kind": "fixed", "std": 2.0},
    ]
    result = normalised(values, *rules)
    assert np.array_equal(result[0], values[0])
    assert abs(float(result[1].mean())) < 1e-4
    assert np.array_equal(result[2], values[2] / 2)


def test_label_maps_are_neither_measured_nor_changed() -> None:
    values = volume()
    kinds = (PreparedChannel("a"), PreparedChannel("l", is_label=True), PreparedChannel("b"))
    result = normalised(values, {"kind": "zscore"}, together=True, channels=kinds)
    scans = values[[0, 2]].astype(np.float64)
    assert np.array_equal(result[1], values[1])
    close(result[[0, 2]], (scans - scans.mean()) / scans.std())


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "zscore"},
        {"kind": "zscore", "over": "nonzero"},
        {"kind": "percentiles", "lower": 10, "upper": 80},
        {"kind": "extremes"},
    ],
    ids=str,
)
def test_padding_is_changed_but_never_measured(rule: dict[str, Any]) -> None:
    """Whatever value padding has, the real voxels become the same."""
    values, padding = volume(), np.random.default_rng(9).random(SHAPE) < 0.2
    results = []
    for filler in (-3000.0, 9000.0):
        padded = np.where(padding, np.float32(filler), values)
        results.append(normalised(padded, rule, padding=padding))
    assert np.array_equal(results[0][~padding], results[1][~padding])
    assert (results[0][padding] != results[1][padding]).all()
    unknown = normalised(np.where(padding, np.float32(9000), values), rule)
    assert not np.array_equal(results[0][~padding], unknown[~padding])


@settings(max_examples=40)
@given(
    values=arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9)),
        elements=st.floats(-(2.0**99), 2.0**99, width=32) | st.sampled_from([0.0, -0.0, 1.0, 2.0]),
    ),
    percents=st.lists(st.floats(0, 100), min_size=1, max_size=4),
)
def test_percentiles_are_exact(values: np.ndarray, percents: list[float]) -> None:
    expected = np.percentile(values.astype(np.float64), percents)
    found = Voxels([values]).percentiles(percents)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(values).max())


def test_scans_that_show_nothing() -> None:
    flat = np.full((1, 4, 5, 6), 7.25, np.float32)
    for kind in ("zscore", "extremes"):
        assert not normalised(flat, {"kind": kind}).any()
    none = np.zeros((1, 4, 5, 6), np.float32)
    assert not normalised(none, {"kind": "zscore", "over": "nonzero"}).any()
    with pytest.raises(UnsupportedScan, match="no voxel"):
        normalised(flat, {"kind": "extremes"}, padding=np.ones(flat.shape, bool))


def test_huge_values_do_not_stop_a_run() -> None:
    huge = torch.tensor([3e38, -3e38, 1.0]).numpy().reshape(1, 1, 1, 3)
    assert normalised(huge, {"kind": "fixed", "std": 2.0}).shape == (1, 1, 1, 3)
    assert normalised(huge, {"kind": "zscore"}).shape == (1, 1, 1, 3)
