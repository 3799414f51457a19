"""Post-processing steps against masks drawn by hand and skimage's labelling, and their registry."""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label as skimage_label

import imaging.large_arrays
from imaging.postprocessing.fill_holes import FillHoles
from imaging.postprocessing.largest_component import LargestComponent
from imaging.postprocessing.largest_foreground import LargestForeground
from imaging.postprocessing.mask_context import MaskContext
from imaging.postprocessing.steps import STEPS

GRID = MaskContext()


@pytest.fixture(params=[1, 12, 50, 1 << 23], autouse=True, scope="module")
def slab_voxels(request: pytest.FixtureRequest) -> Iterator[None]:
    """However many voxels are looked at at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imaging.large_arrays, "SLAB_VOXELS", request.param)
        yield


def largest_component(mask: np.ndarray, value: int) -> None:
    LargestComponent(step="largest_component", labels=(value,)).apply(mask, GRID)


def largest_foreground(mask: np.ndarray) -> None:
    LargestForeground(step="largest_foreground").apply(mask, GRID)


def fill_holes(mask: np.ndarray, value: int) -> None:
    FillHoles(step="fill_holes", labels=(value,)).apply(mask, GRID)


def drawn(text: str) -> np.ndarray:
    rows = [line.strip() for line in text.strip().splitlines()]
    return np.array([[int(c) if c != "." else 0 for c in row] for row in rows], np.uint8)


def test_only_the_largest_part_of_one_label_stays() -> None:
    mask = drawn("""
        11...2
        .1..22
        ......
        .111.1
        .1.1..
    """)
    largest_component(mask, 1)
    assert np.array_equal(mask, drawn("""
        .....2
        ....22
        ......
        .111..
        .1.1..
    """))  # fmt: skip


def test_parts_that_touch_by_a_corner_are_one() -> None:
    mask = drawn("""
        1...
        .1..
        ..1.
        ....
        11..
    """)
    largest_component(mask, 1)
    assert mask[0, 0] == mask[1, 1] == mask[2, 2] == 1
    assert not mask[4].any()


def test_of_parts_of_one_size_the_first_in_raster_order_stays() -> None:
    mask = drawn("""
        ...1
        1..1
        1...
    """)
    largest_component(mask, 1)
    assert np.array_equal(mask, drawn("...1\n...1\n...."))


@settings(max_examples=80, deadline=None)
@given(mask=arrays(np.uint8, (5, 6, 4), elements=st.integers(0, 3)))
def test_the_largest_part_is_skimages_largest(mask: np.ndarray) -> None:
    mask = np.where(np.random.default_rng(0).random(mask.shape) < 0.4, mask, 0).astype(np.uint8)
    before = mask.copy()
    parts = skimage_label(mask == 2, connectivity=3)
    largest_component(mask, 2)
    assert np.array_equal(mask[before != 2], before[before != 2])
    if parts.max() == 0:
        return
    sizes = np.bincount(parts.ravel())[1:]
    first = next(p for p in parts.ravel() if p and sizes[p - 1] == sizes.max())
    assert np.array_equal(mask == 2, parts == first)


def test_holes_are_filled_and_other_labels_kept() -> None:
    mask = drawn("""
        11111.
        1...1.
        1.2.1.
        11111.
        1..1..
        1.11..
    """)
    fill_holes(mask, 1)
    assert np.array_equal(mask, drawn("""
        11111.
        11111.
        11211.
        11111.
        1..1..
        1.11..
    """))  # fmt: skip


def test_a_tunnel_through_a_volume_is_no_hole() -> None:
    mask = np.ones((5, 5, 5), np.uint8)
    mask[2, 2, :] = 0
    fill_holes(mask, 1)
    assert not mask[2, 2].any()
    mask[2, 2, 0] = mask[2, 2, 4] = 1
    fill_holes(mask, 1)
    assert mask.all()


@pytest.mark.parametrize("value", [1, 3])
def test_an_absent_label_changes_nothing(value: int) -> None:
    mask = np.full((3, 4, 2), 2, np.uint8)
    largest_component(mask, value)
    fill_holes(mask, value)
    assert (mask == 2).all()


def test_the_largest_foreground_keeps_every_label_of_its_component() -> None:
    """Two labels that touch form one component, larger than a third label that is apart."""
    mask = np.zeros((9, 9), np.uint8)
    mask[0:2, 0:2], mask[2:4, 2:4], mask[6:8, 4:7] = 1, 2, 1
    largest_foreground(mask)
    expected = np.zeros((9, 9), np.uint8)
    expected[0:2, 0:2], expected[2:4, 2:4] = 1, 2
    assert np.array_equal(mask, expected)
    empty = np.zeros((3, 3), np.uint8)
    largest_foreground(empty)
    assert not empty.any()


def test_every_step_has_a_name_of_its_own_and_a_description() -> None:
    names: list[Any] = [kind.model_fields["step"].annotation for kind in STEPS]
    assert len({*map(get_args, names)}) == len(STEPS)
    for kind in STEPS:
        assert kind.__doc__
        assert all(field.description for field in kind.model_fields.values()), kind
