"""Exact tiling on images of any size from one voxel an axis up: invariants 1 to 4.

The fifth, that no result depends on the tiles, is in `tests/exact/test_any_network.py`.
"""

from math import prod

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from imaging import tiling
from imaging.axis_taps import AxisTaps
from imaging.box import Box
from imaging.errors import BadRequest
from imaging.resample import Axis
from imaging.tiling import TileRule

LENGTH = st.integers(1, 90)


@st.composite
def rules(draw: st.DrawFn) -> TileRule:
    """Networks that could exist: minimum leaves at least one output voxel."""
    valid = draw(st.booleans())
    align = draw(st.sampled_from([1, 2, 4, 8, 16]))
    halo = draw(st.integers(0, 40))
    odd = draw(st.integers(1, align))
    minimum = 2 * halo + odd if valid else align * (1 + odd % 2)
    return TileRule(halo, align, minimum, valid)


def spans_of(
    length: int, rule: TileRule, at_most: int | None, overlap: int = 0
) -> list[tiling.Span]:
    try:
        return tiling.plan_axis(length, rule, at_most, overlap)
    except BadRequest:
        assume(False)
        raise


AT_MOST = st.one_of(st.none(), st.integers(1, 200))


@given(LENGTH, rules(), AT_MOST, st.integers(0, 1))
def test_write_regions_partition_the_axis(
    length: int, rule: TileRule, at_most: int | None, overlap: int
) -> None:
    spans = spans_of(length, rule, at_most, overlap)
    written = [i for span in spans for i in range(*span.write)]
    assert written == list(range(length))
    assert all(span.write[0] < span.write[1] for span in spans)


@given(LENGTH, rules(), AT_MOST, st.integers(0, 1))
def test_every_read_has_the_whole_halo(
    length: int, rule: TileRule, at_most: int | None, overlap: int
) -> None:
    padded = rule.at_least(length)
    for span in spans_of(length, rule, at_most, overlap):
        low, high = span.keep[0] - rule.halo, span.keep[1] + rule.halo
        if not rule.valid:  # the network pads by itself at the edges of the padded image
            low, high = max(low, 0), min(high, padded)
            assert 0 <= span.read[0] <= span.read[1] <= padded
        assert span.read[0] <= low
        assert high <= span.read[1]
        assert span.keep == (span.write[0], min(span.write[1] + overlap, length))


@given(LENGTH, rules(), AT_MOST, st.integers(0, 1))
def test_starts_are_aligned_and_reads_legal(
    length: int, rule: TileRule, at_most: int | None, overlap: int
) -> None:
    spans = spans_of(length, rule, at_most, overlap)
    for span in spans:
        size = span.read[1] - span.read[0]
        assert size >= rule.minimum
        assert (size - rule.minimum) % rule.align == 0
        assert at_most is None or size <= at_most
        assert span.write[0] % rule.align == 0
        if rule.valid:
            assert span.read[0] == span.write[0] - rule.halo
            assert span.origin == span.write[0]
        else:
            assert span.read[0] % rule.align == 0
            assert span.origin == span.read[0]
    assert len({span.read[1] - span.read[0] for span in spans}) == 1


@given(st.data(), st.integers(1, 3))
def test_an_identity_network_round_trips(data: st.DataObject, dimension: int) -> None:
    limit = {1: 90, 2: 40, 3: 14}[dimension]
    grid = tuple(data.draw(st.integers(1, limit)) for _ in range(dimension))
    axes = [data.draw(rules()) for _ in grid]
    wishes = [data.draw(AT_MOST) for _ in grid]
    plan = tiling.Plan(
        tuple(tuple(spans_of(n, r, w)) for n, r, w in zip(grid, axes, wishes, strict=True))
    )
    image = np.arange(2 * prod(grid), dtype=np.float32).reshape(2, *grid)
    result = np.full_like(image, np.nan)
    for tile in plan:
        read = tiling.cut(lambda box: image[(slice(None), *box.slices)], grid, tile)
        assert read.shape[1:] == tile.read.shape
        lost = [r.halo if r.valid else 0 for r in axes]
        inner = (slice(n, s - n) for n, s in zip(lost, read.shape[1:], strict=True))
        output = read[(slice(None), *inner)]
        for channel, values in enumerate(output[(slice(None), *tile.crop)]):
            tiling.paste(result[channel], tile, values)
    np.testing.assert_array_equal(result, image)


@given(st.integers(-300, 300), st.integers(1, 60), st.integers(1, 30))
def test_mirror_agrees_with_numpy_pad(start: int, size: int, length: int) -> None:
    row = np.arange(length)
    padded = np.pad(row, 400, mode="reflect") if length > 1 else np.zeros(801, int)
    expected = padded[start + 400 : start + 400 + size]
    assume(start + size <= 400)
    np.testing.assert_array_equal(row[tiling.mirror(start, start + size, length)], expected)


@given(
    LENGTH,
    st.sampled_from([0.7, 1.0, 1.5, 4.2, 1 / 4.2]),
    rules(),
    AT_MOST,
)
def test_on_another_grid_writes_still_partition_the_scan(
    scan_length: int, ratio: float, rule: TileRule, at_most: int | None
) -> None:
    network_length = max(1, round(scan_length * ratio))
    axis = Axis(network_length, scan_length)
    taps = AxisTaps.linear(network_length, axis.centres(0, scan_length)).pasted(7, scan_length + 9)
    spans = tiling.onto(spans_of(network_length, rule, at_most, overlap=1), taps.first, taps.start)
    assert [i for span in spans for i in range(*span.write)] == list(range(7, 7 + scan_length))
    for span in spans:  # all that interpolation reads is kept
        low, high = taps.needed(*span.write)
        assert span.keep[0] <= low
        assert high <= span.keep[1]


def test_the_paper_network_steps_by_384() -> None:
    """572 -> 388, align 16: a tile of 572 writes 384, for 388 is no multiple of 16."""
    rule = TileRule(halo=92, align=16, minimum=188, valid=True)
    spans = tiling.plan_axis(1000, rule, 572)
    assert [span.write for span in spans] == [(0, 336), (336, 672), (672, 1000)]
    long = tiling.plan_axis(384 * 5, rule, 572)
    assert [span.write[0] for span in long] == [0, 384, 768, 1152, 1536]
    assert all(span.read[1] - span.read[0] == 572 for span in long)


def test_a_tile_too_small_says_what_is_enough() -> None:
    rule = TileRule(halo=92, align=16, minimum=188, valid=True)
    with pytest.raises(BadRequest, match="At least 204"):
        tiling.plan_axis(1000, rule, 199)
    assert len(tiling.plan_axis(1000, rule, 204)) == 63


def test_a_box_counts_its_voxels() -> None:
    box = Box((1, 2), (4, 6))
    assert (box.shape, box.size) == ((3, 4), 12)
    assert np.zeros((9, 9))[box.slices].shape == (3, 4)
