"""Dice and HD95 against figures worked out by hand, and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from imaging.metrics import dice, hd95


def box(shape: tuple[int, ...], *ranges: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*r) for r in ranges)] = True
    return mask


def test_dice_of_half_overlapping_boxes() -> None:
    a, b = box((8, 8), (0, 4), (0, 4)), box((8, 8), (2, 6), (0, 4))
    assert dice(a, b) == pytest.approx(2 * 8 / 32)
    assert dice(a, a) == 1.0
    assert dice(a, ~a) == 0.0
    assert dice(a & ~a, a & ~a) == 1.0


def test_hd95_of_a_shift_is_the_shift_in_mm() -> None:
    a, b = box((30, 30), (5, 6), (2, 28)), box((30, 30), (9, 10), (2, 28))
    assert hd95(a, b, (0.5, 1.0)) == pytest.approx(2.0)
    assert math.isinf(hd95(a, a & ~a, (1, 1)))
    assert hd95(a & ~a, a & ~a, (1, 1)) == 0.0


@given(st.integers(0, 2**16 - 1), st.floats(0.3, 3), st.floats(0.3, 3))
def test_hd95_agrees_with_brute_force(seed: int, first: float, second: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((9, 11)) < 0.5, rng.random((9, 11)) < 0.4
    scale = np.array([first, second])

    def surface(mask: np.ndarray) -> np.ndarray:
        padded = np.pad(mask, 1)
        points = [
            (i, j)
            for i, j in np.argwhere(mask)
            if not all(padded[i + 1 + d, j + 1 + e] for d, e in ((0, 1), (0, -1), (1, 0), (-1, 0)))
        ]
        return np.array(points) * scale

    distances = cdist(surface(a), surface(b))
    both = np.concatenate([distances.min(1), distances.min(0)])
    assert hd95(a, b, (first, second)) == pytest.approx(np.percentile(both, 95))
