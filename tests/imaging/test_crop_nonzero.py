"""The step `crop_nonzero` against nnU-Net's cropping, written with scipy."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_fill_holes

import imaging.large_arrays
from imaging.box import Box
from imaging.preparation.crop_nonzero import CropNonzero
from imaging.preparation.prepared import Prepared, PreparedChannel
from imaging.preparation.way_back import Cropped


@pytest.fixture(params=[1, 25, 1 << 23], autouse=True, scope="module")
def slab_voxels(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaging.large_arrays, "SLAB_VOXELS", request.param)
        yield


def cropped(values: np.ndarray, *, label: bool = False) -> Prepared:
    kinds = [PreparedChannel(f"c{n}") for n in range(len(values))]
    if label:
        kinds[-1] = PreparedChannel("label", is_label=True)
    step = CropNonzero(step="crop_nonzero", keep_mask=True)
    return step.apply(Prepared(values.copy(), tuple(kinds), None))


def nonzero_mask(values: np.ndarray) -> np.ndarray:
    """An image is a volume of one slice there."""
    mask = (values != 0).any(axis=0)
    return binary_fill_holes(mask[None])[0] if mask.ndim == 2 else binary_fill_holes(mask)


@given(
    values=st.one_of(
        arrays(
            np.float32,
            st.tuples(st.integers(1, 2), *(st.integers(1, 6),) * 3),
            elements=st.sampled_from([0.0, 0.0, 0.0, 2.0, -1.0]),
        ),
        arrays(
            np.float32,
            st.tuples(st.integers(1, 2), *(st.integers(1, 7),) * 2),
            elements=st.sampled_from([0.0, 0.0, 2.0]),
        ),
    )
)
def test_the_box_and_the_mask_are_nnunets(values: np.ndarray) -> None:
    mask = nonzero_mask(values)
    where = np.argwhere(mask)
    low = where.min(axis=0) if len(where) else np.zeros(mask.ndim, int)
    high = where.max(axis=0) + 1 if len(where) else np.array(mask.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    result = cropped(values)
    assert np.array_equal(result.values, values[(slice(None), *box)])
    assert result.inside is not None
    assert np.array_equal(result.inside, mask[box])
    kept = Box(tuple(low.tolist()), tuple(high.tolist()))
    assert result.way_back == (Cropped(kept, values.shape[1:]),)


def test_holes_are_inside_and_cavities_that_open_are_not() -> None:
    values = np.zeros((1, 9, 9, 9), np.float32)
    values[0, 1:8, 1:8, 1:8] = 5
    values[0, 3:5, 3:5, 3:5] = 0
    values[0, 6, 6, 6:9] = 0
    result = cropped(values)
    assert result.grid == (7, 7, 7)
    assert result.inside is not None
    assert (~result.inside).sum() == 2
    assert not result.inside[5, 5, 5:].any()


def test_a_label_map_does_not_hold_the_box_open() -> None:
    values = np.zeros((2, 6, 6, 6), np.float32)
    values[0, 2:4, 2:4, 2:5] = 1
    values[1] = 1
    assert cropped(values).grid == (6, 6, 6)
    assert cropped(values, label=True).grid == (2, 2, 3)


def test_padding_is_cropped_with_the_values() -> None:
    values = np.zeros((1, 5, 5, 5), np.float32)
    values[0, 1:4, 2:, 2:4] = 1
    padding = np.random.default_rng(0).random(values.shape) < 0.5
    step = CropNonzero(step="crop_nonzero")
    result = step.apply(Prepared(values, (PreparedChannel("a"),), None, padding=padding))
    assert result.inside is None
    assert result.padding is not None
    assert np.array_equal(result.padding, padding[:, 1:4, 2:, 2:4])
