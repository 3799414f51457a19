"""The step `resample` against nnU-Net's resampling, written with scikit-image and scipy, and
MONAI's Spacing."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data.meta_tensor import MetaTensor
from monai.transforms.spatial.array import Spacing
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage.transform import resize

import imaging.large_arrays
import imaging.preparation.resize
from imaging.box import Box
from imaging.large_arrays import large_zeros
from imaging.preparation.crop_nonzero import CropNonzero
from imaging.preparation.prepared import Prepared, PreparedChannel
from imaging.preparation.resample import Resample
from imaging.preparation.way_back import Cropped, Resized


@pytest.fixture(params=[50, 1 << 21], autouse=True, scope="module")
def slab_voxels(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaging.large_arrays, "SLAB_VOXELS", request.param)
        patch.setattr(imaging.preparation.resize, "_SLAB_VOXELS", request.param)
        yield


def smooth(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rough = np.random.default_rng(seed).normal(100, 300, shape)
    return gaussian_filter(rough, (0, *(0.7 for _ in shape[1:]))).astype(np.float32)


def resampled(
    values: np.ndarray, own: tuple[float, ...] | None, *, label: bool = False, **parameters: Any
) -> Prepared:
    step = Resample.model_validate({"step": "resample"} | parameters)
    channels = tuple(PreparedChannel(f"c{n}") for n in range(len(values)))
    if label:
        channels = (PreparedChannel("labels", len(values), is_label=True),)
    return step.apply(Prepared(values.copy(), channels, own))


def nnunet(**parameters: Any) -> dict[str, Any]:
    return {"anchor": "edges", "order": 3, "clip": True, "coarse_ratio": 3} | parameters


def coarse_axis(own: tuple[float, ...], wanted: tuple[float, ...]) -> int | None:
    for spacing in (np.array(own), np.array(wanted)):
        if spacing.max() / spacing.min() > 3:
            coarse = np.flatnonzero(spacing == spacing.max())
            return int(coarse[0]) if len(coarse) == 1 else None
    return None


def by_nnunet(
    channel: np.ndarray, own: tuple[float, ...], wanted: tuple[float, ...], order: int = 3
) -> np.ndarray:
    """One channel, as nnU-Net 2.8 resamples data: float64, each slice across a coarse axis alone,
    then the nearest slice."""
    shape = [round(a / b * n) for a, b, n in zip(own, wanted, channel.shape, strict=True)]
    values, axis = channel.astype(np.float64), coarse_axis(own, wanted)
    if tuple(shape) == channel.shape:
        return channel
    how = {"order": order, "mode": "edge", "anti_aliasing": False}
    if axis is None:
        return resize(values, shape, **how)
    plane = [n for a, n in enumerate(shape) if a != axis]
    across = np.moveaxis(values, axis, 0)
    slices = np.moveaxis(np.stack([resize(one, plane, **how) for one in across]), 0, axis)
    scales = [a / b for a, b in zip(slices.shape, shape, strict=True)]
    at = [
        s * (i + 0.5) - 0.5 for s, i in zip(scales, np.mgrid[tuple(map(slice, shape))], strict=True)
    ]
    return map_coordinates(slices, at, order=0, mode="nearest")


SPACINGS = [
    ((1.0, 1.0, 1.0), (0.7, 1.3, 0.9), None),
    ((2.0, 0.8, 0.8), (1.0, 1.0, 1.0), None),
    ((5.0, 0.9, 0.9), (3.0, 0.7, 0.8), 0),
    ((0.9, 5.0, 0.9), (0.7, 3.0, 0.7), 1),
    ((0.9, 0.8, 5.0), (0.7, 0.9, 5.0), 2),
    ((1.0, 1.0, 1.0), (4.0, 1.2, 1.1), 0),
    ((0.2, 1.25, 1.25), (1.0, 1.0, 1.0), None),
    ((1.0, 1.0, 1.0), (1.0, 1.0, 1.01), None),
]


@pytest.mark.parametrize(("own", "wanted", "axis"), SPACINGS)
def test_data_are_resampled_as_nnunet_does(
    own: tuple[float, ...], wanted: tuple[float, ...], axis: int | None
) -> None:
    values = smooth((2, 13, 21, 17))
    expected = np.stack([by_nnunet(channel, own, wanted) for channel in values])
    result = resampled(values, own, spacing_mm=wanted, **nnunet())
    assert result.values.shape == expected.shape
    assert coarse_axis(own, wanted) == axis
    np.testing.assert_allclose(result.values, expected, atol=2e-4, rtol=0)  # of some 1,000
    if expected.shape == values.shape:
        assert result.way_back == ()
    else:
        before, after = values.shape[1:], expected.shape[1:]
        ratios = tuple(n / m for n, m in zip(before, after, strict=True))
        back = coarse_axis(wanted, own)
        assert result.way_back == (
            Resized(before, after, ratios, "edges", coarse_axis=axis, coarse_axis_back=back),
        )


def test_splines_overshoot_and_are_clipped() -> None:
    values = np.zeros((1, 12, 12, 12), np.float32)
    values[0, 4:8, 4:8, 4:8] = 100
    how: dict[str, Any] = {"spacing_mm": (0.6, 0.7, 0.8)}
    free = resampled(values, (1.0, 1.0, 1.0), **how, **nnunet(clip=False)).values
    assert free.min() < -1
    assert free.max() > 101
    clipped = resampled(values, (1.0, 1.0, 1.0), **how, **nnunet()).values
    np.testing.assert_allclose(clipped, free.clip(0, 100), atol=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(*(st.integers(1, 14),) * 3),
    own=st.tuples(*(st.floats(0.5, 6),) * 3),
    wanted=st.tuples(*(st.floats(0.5, 6),) * 3),
    order=st.integers(0, 3),
)
def test_any_grid_is_resampled_as_nnunet_does(
    shape: tuple[int, ...], own: tuple[float, ...], wanted: tuple[float, ...], order: int
) -> None:
    lengths = [round(a / b * n) for a, b, n in zip(own, wanted, shape, strict=True)]
    if min(lengths) < 1:
        return  # nnU-Net stops there
    values = smooth((1, *shape))
    expected = by_nnunet(values[0], own, wanted, order)
    result = resampled(values, own, spacing_mm=wanted, **nnunet(order=order))
    np.testing.assert_allclose(result.values[0], expected, atol=5e-4, rtol=0)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_an_image_is_one_slice(order: int) -> None:
    """However far its rows' and columns' sizes differ, no axis is resampled apart."""
    values = smooth((3, 20, 31))
    expected = [
        resize(one.astype(float), (16, 62), order=order, mode="edge", anti_aliasing=False)
        for one in values
    ]
    result = resampled(values, (0.8, 4.0), spacing_mm=(1.0, 2.0), **nnunet(order=order))
    np.testing.assert_allclose(result.values, np.stack(expected), atol=2e-4)


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ((1.0, 1.0, 1.0), (1.5, 1.5, 2.0)),
        ((0.8, 0.8, 5.0), (1.5, 1.5, 2.0)),
        ((2.0, 1.0, 3.0), (2.0004, 0.7, 3.5)),
        ((1.0, 1.0, 1.0), (1.0005, 1.0, 1.0)),
        ((1.0, 1.0, 1.0), (1.01, 0.99, 1.02)),
    ],
)
@pytest.mark.parametrize(("mode", "order"), [("bilinear", 1), ("nearest", 0), (3, 3)])
def test_scans_are_resampled_as_monais_spacing_does(
    own: tuple[float, ...], wanted: tuple[float, ...], mode: str | int, order: int
) -> None:
    values = smooth((2, 13, 21, 17))
    image = MetaTensor(
        torch.from_numpy(values.copy()), affine=torch.diag(torch.tensor([*own, 1.0]))
    )
    padding = "nearest" if isinstance(mode, int) else "border"
    home: Any = Spacing(wanted, mode=mode, padding_mode=padding)(image)
    result = resampled(values, own, spacing_mm=wanted, anchor="centres", order=order)
    assert result.values.shape == home.shape
    different = np.abs(result.values - home.numpy()) > 2e-3
    if order == 0:  # torch's rounding decides halfway between two voxels
        ratios = [b / a for a, b in zip(own, wanted, strict=True)]
        places = zip(np.indices(result.grid), ratios, strict=True)
        different &= ~np.any([np.abs(i * r % 1 - 0.5) < 1e-6 for i, r in places], axis=0)
    assert not different.any()
    assert np.allclose(result.spacing_mm or 0, home.pixdim.numpy(), atol=1e-6)


def argmax_of_labels(one_hot: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    indicators = np.concatenate([one_hot.max(axis=0, keepdims=True) == 0, one_hot])
    how = {"mode": "edge", "anti_aliasing": False}
    scores = np.stack([resize(one.astype(float), shape, order=1, **how) for one in indicators])
    nearest = np.stack([resize(one.astype(float), shape, order=0, **how) for one in indicators])
    tied = np.isclose(scores, scores.max(axis=0), atol=1e-6)
    winner = np.where(
        (tied & (nearest > 0)).any(axis=0), nearest.argmax(axis=0), tied.argmax(axis=0)
    )
    return (np.arange(1, len(indicators)).reshape(-1, 1, 1, 1) == winner).astype(np.float32)


def test_label_maps_by_the_largest_share_or_the_nearest_voxel() -> None:
    numbers = np.random.default_rng(0).integers(0, 4, (5, 6, 7)).repeat(2, 0).repeat(2, 2)
    one_hot = np.stack([(numbers == value) for value in (1, 2, 3)]).astype(np.float32)
    own, wanted = (1.0, 1.0, 1.0), (0.5, 0.7, 1.3)
    shape = tuple(round(a / b * n) for a, b, n in zip(own, wanted, numbers.shape, strict=True))
    result = resampled(one_hot, own, label=True, spacing_mm=wanted, **nnunet())
    expected = argmax_of_labels(one_hot, shape)
    assert (result.values.sum(axis=0) <= 1).all()
    assert (result.values != expected).mean() < 1e-3  # ties that float32 cannot tell
    near = resampled(one_hot, own, label=True, spacing_mm=wanted, labels="nearest", **nnunet())
    how = {"order": 0, "mode": "edge", "anti_aliasing": False}
    assert np.array_equal(near.values, np.stack([resize(one, shape, **how) for one in one_hot]))


def test_an_axis_may_keep_the_scans_spacing() -> None:
    result = resampled(
        smooth((1, 6, 20, 20)), (4.0, 1.0, 1.0), spacing_mm=(None, 2.0, 0.5), **nnunet()
    )
    assert result.grid == (6, 10, 40)
    assert result.spacing_mm == (4.0, 2.0, 0.5)


def test_a_scan_without_a_spacing_is_not_resampled() -> None:
    values = smooth((1, 6, 7))
    result = resampled(values, None, spacing_mm=(2.0, 2.0), **nnunet())
    assert np.array_equal(result.values, values)
    assert result.warnings == (
        "The image has no pixel size; it was not resampled to the model's spacing.",
    )


def test_padding_goes_with_the_nearest_voxel() -> None:
    values, padding = smooth((1, 8, 8, 8)), np.zeros((1, 8, 8, 8), bool)
    padding[0, :3] = True
    step = Resample.model_validate({"step": "resample", "spacing_mm": [0.5] * 3} | nnunet())
    inside = np.ones((8, 8, 8), bool)
    prepared = Prepared(values, (PreparedChannel("a"),), (1.0, 1.0, 1.0), None, padding, inside)
    result = step.apply(prepared)
    assert result.padding is not None
    assert np.array_equal(result.padding[0], padding[0].repeat(2, 0).repeat(2, 1).repeat(2, 2))
    assert result.inside is None


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"anchor": "centres", "clip": True}, "neither clip nor coarse_ratio"),
        ({"spacing_mm": [1, 0, 1]}, "greater than 0"),
        ({"order": 4}, "0, 1, 2 or 3"),
        ({"anchor": "middle"}, "'edges' or 'centres'"),
        ({"coarse_ratio": 0.5}, "greater than or equal to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(parameters: dict[str, Any], problem: str) -> None:
    facts = {"step": "resample", "spacing_mm": [1, 1, 1], "anchor": "edges"} | parameters
    with pytest.raises(ValueError, match=problem):
        Resample.model_validate(facts)


def test_a_long_axis_is_resampled_in_bands() -> None:
    """Also far from its ends, and where a block of the result reads few voxels of it, or many."""
    values = smooth((1, 2, 700))
    for wanted in (0.21, 0.9, 1.1, 9.7):
        shape = (2, round(700 / wanted))
        expected = resize(values[0].astype(float), shape, 3, mode="edge", anti_aliasing=False)
        result = resampled(values, (1.0, 1.0), spacing_mm=(1.0, wanted), **nnunet())
        np.testing.assert_allclose(result.values[0], expected, atol=2e-4)


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(
    anchor=st.sampled_from(["edges", "centres"]),
    own=st.tuples(*(st.floats(0.5, 3),) * 3),
    wanted=st.tuples(*(st.floats(0.5, 3),) * 3),
    start=st.tuples(*(st.integers(0, 3),) * 3),
    size=st.tuples(*(st.integers(2, 9),) * 3),
)
def test_the_way_back_says_where_each_voxel_was(
    anchor: str,
    own: tuple[float, ...],
    wanted: tuple[float, ...],
    start: tuple[int, ...],
    size: tuple[int, ...],
) -> None:
    """Each channel holds the index of its voxels along one axis, cropped and resampled linearly:
    the values of the result are the places that the two records give."""
    grid = tuple(a + n + 2 for a, n in zip(start, size, strict=True))
    stop = tuple(a + n for a, n in zip(start, size, strict=True))
    inside = np.zeros(grid, bool)
    inside[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = True
    values = np.where(inside, np.indices(grid) + 1, 0).astype(np.float32)
    channels = tuple(PreparedChannel(axis) for axis in "ijk")
    cropped = CropNonzero(step="crop_nonzero").apply(Prepared(values, channels, own))
    step = Resample.model_validate(
        {"step": "resample", "spacing_mm": wanted, "anchor": anchor, "order": 1}
    )
    result = step.apply(cropped)
    crop, *rest = result.way_back
    assert crop == Cropped(Box(start, stop), grid)
    resized = rest[0] if rest else Resized(size, size, (1.0,) * 3, "edges")
    assert isinstance(resized, Resized)
    assert (resized.before, resized.after) == (size, result.grid)
    for axis, (n, ratio) in enumerate(zip(result.grid, resized.ratios, strict=True)):
        index = np.arange(n) if anchor == "centres" else np.arange(n) + 0.5 - 0.5 / ratio
        places = np.clip(index * ratio, 0, size[axis] - 1) + start[axis]
        along = np.moveaxis(result.values[axis], axis, 0)[:, 0, 0] - 1
        np.testing.assert_allclose(along, places, atol=2e-5)


@pytest.mark.usefixtures("_small_pieces")
def test_memory_does_not_grow_with_the_scan(tmp_path: Path) -> None:
    """Arrays are mapped from files; what is held in memory depends on the pieces alone."""
    peaks = []
    for slices in (40, 160):
        values = large_zeros((1, 96, 80, slices), np.float32, tmp_path)
        values[0] = np.random.default_rng(0).normal(size=values.shape[1:])
        prepared = Prepared(values, (PreparedChannel("a"),), (1.0, 1.0, 1.0))
        step = Resample.model_validate({"step": "resample", "spacing_mm": [0.9] * 3} | nnunet())
        tracemalloc.start()
        step.apply(prepared, tmp_path)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
    assert peaks[1] < 96 * 80 * 160 * 4


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging.large_arrays, "IN_MEMORY_BYTES", 1 << 16)
    monkeypatch.setattr(imaging.large_arrays, "SLAB_VOXELS", 1 << 15)
    monkeypatch.setattr(imaging.preparation.resize, "_SLAB_VOXELS", 1 << 15)
