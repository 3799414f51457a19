"""Average precision and SEG against figures worked out by hand, and object by object."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from imaging.metrics.contingency import contingency
from imaging.metrics.objects import THRESHOLDS, Matches


def test_a_picture_worked_out_by_hand() -> None:
    """Of three objects one is found whole, one by 6 of its 10 pixels, one by 5; one is invented."""
    reference, found = np.zeros((5, 20), np.uint16), np.zeros((5, 20), np.uint16)
    reference[0, :10], found[0, :10] = 7, 2
    reference[2, :10], found[2, :6] = 3, 9
    reference[4, :10], found[4, :5] = 1, 1
    found[4, 15:] = 4
    matches = Matches.of(found, reference)
    assert (matches.reference_objects, matches.predicted_objects) == (3, 4)
    # At 0.5 the third's IoU is not above the threshold: TP 2, FP 2, FN 1. From 0.6 on TP 1.
    assert matches.average_precision() == pytest.approx([2 / 5] * 2 + [1 / 6] * 7)
    assert matches.seg() == pytest.approx((1.0 + 0.6 + 0) / 3)  # half of it is not more than half
    assert THRESHOLDS == (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)


def test_where_there_are_no_objects() -> None:
    nothing, one = np.zeros((4, 4), np.uint8), np.eye(4, dtype=np.uint8)
    assert Matches.of(nothing, nothing).average_precision((0.5,)) == (1.0,)
    assert Matches.of(one, nothing).average_precision((0.5,)) == (0.0,)
    assert Matches.of(nothing, one).average_precision((0.5,)) == (0.0,)
    assert Matches.of(one, nothing).seg() is None
    assert Matches.of(nothing, one).seg() == 0.0
    with pytest.raises(ValueError, match="below"):
        Matches.of(one, one).average_precision((0.4,))


def objects(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers with gaps, so that no number is taken for a count."""
    labels, _ = ndimage.label(ndimage.uniform_filter(rng.random(shape), 3) > 0.53)
    return np.asarray(labels * 3 + (labels > 0), np.uint16)


@given(st.integers(0, 2**16 - 1), st.sampled_from([(14, 15), (7, 8, 6)]))
def test_object_by_object(seed: int, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(seed)
    reference = objects(rng, shape)
    found = np.where(rng.random(shape) < 0.9, reference, objects(rng, shape))
    theirs = [reference == n for n in np.unique(reference) if n]
    ours = [found == n for n in np.unique(found) if n]
    iou = np.array([[(a & b).sum() / (a | b).sum() for b in ours] for a in theirs])
    iou = iou.reshape(len(theirs), len(ours))
    expected = []
    for threshold in THRESHOLDS:
        hits = iou > threshold
        true = int(hits.any(1).sum())
        assert hits.sum() == true == hits.any(0).sum()  # unique, both ways
        false, missed = len(ours) - true, len(theirs) - true
        expected.append(true / (true + false + missed) if ours or theirs else 1.0)
    matches = Matches.of(found, reference)
    assert matches.average_precision() == pytest.approx(expected)
    seg = [
        max((float((a & b).sum() / (a | b).sum()) for b in ours if (a & b).sum() > a.sum() / 2),
            default=0.0)
        for a in theirs
    ]  # fmt: skip
    assert matches.seg() == (pytest.approx(np.mean(seg)) if seg else None)


def test_thousands_of_objects_take_no_time() -> None:
    grid = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((10, 10), int))
    began = time.perf_counter()
    matches = Matches.of(np.roll(grid, 2, axis=0), grid)
    assert time.perf_counter() - began < 2
    assert (matches.reference_objects, matches.predicted_objects) == (10_000, 10_000)
    assert matches.average_precision((0.5, 0.65, 0.7)) == (1.0, 1.0, 0.0)  # IoU 8 / 12
    assert matches.seg() == pytest.approx(8 / 12)


def test_pairs_are_counted() -> None:
    table = contingency(np.array([[0, 2], [2, 2]]), np.array([[1, 1], [0, 1]]))
    np.testing.assert_array_equal(table.toarray(), [[0, 1], [0, 0], [1, 2]])
