"""Invariant 5 as a property: any network, image and tile, in whole numbers, bit for bit.

The networks are U-Nets of one channel whose sums are taken modulo a prime, so that nothing rounds;
halo, align and legal sizes are those that `receptive_field` derives from the same layers.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imaging import tiling
from imaging.errors import BadRequest
from models.nets.config import UNetConfig
from models.nets.receptive_field import receptive_field

Whole = NDArray[np.int64]
PRIME = 65_521
TAPS = (3, 7, 11)
"""Along each axis; not symmetric, so that a mirrored read cannot pass for the right one."""


def convolved(values: Whole, padding: str) -> Whole:
    """3 wide along each axis; `same` pads with zeros."""
    for axis in range(values.ndim):
        if padding == "same":
            around = [(1, 1) if a == axis else (0, 0) for a in range(values.ndim)]
            values = np.pad(values, around)
        rows = np.moveaxis(values, axis, 0)
        summed = TAPS[0] * rows[:-2] + TAPS[1] * rows[1:-1] + TAPS[2] * rows[2:]
        values = np.moveaxis((summed + 1) % PRIME, 0, axis)
    return values


def pooled(values: Whole) -> Whole:
    for axis in range(values.ndim):
        assert values.shape[axis] % 2 == 0
        rows = np.moveaxis(values, axis, 0)
        values = np.moveaxis(np.maximum(rows[::2], rows[1::2]), 0, axis)
    return values


def network(config: UNetConfig, values: Whole) -> Whole:
    """The layers of `models.nets.unet`, on one channel."""
    skips = []
    for depth, widths in enumerate(config.encoder):
        if depth:
            skips.append(values)
            values = pooled(values)
        for _ in widths:
            values = convolved(values, config.padding)
    for widths, crop in zip(config.decoder, config.crops, strict=True):
        for axis in range(values.ndim):
            values = np.repeat(values, 2, axis)
        inner = tuple(slice(crop, n - crop) for n in skips[-1].shape)
        values = (5 * values + 13 * skips.pop()[inner]) % PRIME
        for _ in widths:
            values = convolved(values, config.padding)
    return values


def segmented(image: Whole, config: UNetConfig, plan: tiling.Plan) -> Whole:
    """Tile by tile, as the pipeline does it."""
    result = np.full_like(image, -1)
    for tile in plan:
        read = tiling.cut(lambda box: image[box.slices][None], image.shape, tile)[0]
        tiling.paste(result, tile, network(config, read)[tile.crop])
    return result


def planned(grid: Sequence[int], rule: tiling.Rule, tiles: Sequence[int | None]) -> tiling.Plan:
    axes = zip(grid, tiles, strict=True)
    return tiling.Plan(tuple(tuple(tiling.plan_axis(n, rule, tile)) for n, tile in axes))


def rule_of(config: UNetConfig) -> tiling.Rule:
    field = receptive_field(config)
    return tiling.Rule(field.halo, field.align, field.minimum, config.padding == "valid")


def noise(grid: Sequence[int], seed: int) -> Whole:
    return np.random.default_rng(seed).integers(0, PRIME, grid)


@settings(max_examples=300)
@given(
    st.data(),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.sampled_from(["valid", "same"]),
)
def test_any_tiles_give_the_one_pass_result(
    data: st.DataObject, axes: int, levels: int, convolutions: int, padding: str
) -> None:
    config = UNetConfig.plain((1,) * levels, convolutions, padding=padding)
    rule = rule_of(config)
    limit = {1: 150, 2: 50, 3: 18}[axes]
    grid = tuple(data.draw(st.integers(1, limit)) for _ in range(axes))
    least = rule.at_least(2 * rule.margin + rule.align)
    tiles = [least + rule.align * data.draw(st.integers(0, 5)) for _ in grid]
    try:
        plan = planned(grid, rule, tiles)
    except BadRequest:
        assume(False)
        raise
    image = noise(grid, data.draw(st.integers(0, 9)))
    one_pass = segmented(image, config, planned(grid, rule, [None] * axes))
    np.testing.assert_array_equal(segmented(image, config, plan), one_pass)


@pytest.mark.parametrize(("levels", "padding"), [(1, "valid"), (3, "valid"), (1, "same")])
def test_a_halo_one_too_short_is_found(levels: int, padding: str) -> None:
    """Beyond the halo nothing matters, and its outermost voxel does."""
    config = UNetConfig.plain((1,) * levels, padding=padding)
    rule, image = rule_of(config), noise((160,), 1)
    one_pass = segmented(image, config, planned((160,), rule, [None]))
    plan = planned((160,), rule, [rule.at_least(2 * rule.margin + 8 * rule.align)])
    assert len(plan) > 2

    def seen(halo: int) -> Whole:
        """With what lies farther than `halo` from the outputs that are kept put to nought."""
        result = np.full_like(image, -1)
        for tile in plan:
            read = tiling.cut(lambda box: image[box.slices][None], image.shape, tile)[0]
            start = tile.keep.start[0] - tile.read.start[0]
            read[: max(0, start - halo)] = 0
            read[start + tile.keep.shape[0] + halo :] = 0
            tiling.paste(result, tile, network(config, read)[tile.crop])
        return result

    np.testing.assert_array_equal(seen(rule.halo), one_pass)
    assert (seen(rule.halo - 1) != one_pass).any()


def test_a_read_start_off_the_grid_is_found() -> None:
    """By one voxel, in a `same` network that pools: all its context is there, on another grid."""
    config = UNetConfig.plain((1, 1, 1), 1, padding="same")
    rule, image = rule_of(config), noise((160,), 2)
    rule = replace(rule, halo=rule.halo + rule.align)  # one voxel less of it is still enough
    one_pass = segmented(image, config, planned((160,), rule, [None]))
    plan = planned((160,), rule, [80])
    assert len(plan) > 2
    np.testing.assert_array_equal(segmented(image, config, plan), one_pass)
    moved = [
        replace(span, read=(span.read[0] + 1, span.read[1] + 1), origin=span.origin + 1)
        if span.read[0] > 0 and span.read[1] < 160
        else span
        for span in plan.axes[0]
    ]
    assert (segmented(image, config, tiling.Plan((tuple(moved),))) != one_pass).any()
