"""Dice, size, HD95 and surface Dice against figures worked out by hand, brute force and MONAI."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.metrics.surface_dice import compute_surface_dice
from scipy import ndimage
from scipy.spatial.distance import cdist

from imaging.metrics import dice, hd95, size_error, surface_dice


def box(shape: tuple[int, ...], *ranges: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*r) for r in ranges)] = True
    return mask


def blob(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 2)
    return smooth > np.quantile(smooth, 0.6)


def test_dice_of_half_overlapping_boxes() -> None:
    a, b = box((8, 8), (0, 4), (0, 4)), box((8, 8), (2, 6), (0, 4))
    assert dice(a, b) == pytest.approx(2 * 8 / 32)
    assert dice(a, a) == 1.0
    assert dice(a, ~a) == 0.0
    assert dice(a & ~a, a & ~a) == 1.0


def test_too_large_is_above_zero() -> None:
    small, large = box((10, 10), (0, 4), (0, 5)), box((10, 10), (0, 5), (0, 5))
    assert size_error(large, small, 0.5) == (2.5, 25.0)
    assert size_error(small, large, 0.5) == (-2.5, -20.0)
    assert size_error(small, small & ~small, 2.0) == (40.0, None)


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


def test_surface_dice_of_a_shifted_square() -> None:
    """Each side has 9 elements of length 1, and the square 4 at its corners of length sqrt(1/2).

    Of the shifted sides, those from a pixel before the other square are within 1: 8 and a corner;
    of the side inside the other square, the two next to its sides; of the one outside, none.
    """
    a, b = box((30, 30), (5, 15), (5, 15)), box((30, 30), (8, 18), (5, 15))
    corner = math.sqrt(0.5)
    near, length = 2 * (8 + corner) + 2, 4 * (9 + corner)
    assert surface_dice(a, b, (1, 1), 1) == pytest.approx(near / length)
    assert surface_dice(a, b, (1, 1), 0.9) == pytest.approx((near - 4) / length)
    assert surface_dice(a, b, (1, 1), 3) == 1.0
    assert surface_dice(a, a, (1, 1), 0) == 1.0
    assert surface_dice(a, a & ~a, (1, 1), 9) == 0.0
    assert surface_dice(a & ~a, a & ~a, (1, 1), 0) == 1.0


def test_a_shift_of_just_the_tolerance_is_within_it() -> None:
    """1.2 as float32 is 1.2000000477."""
    a, b = box((9, 9, 9), (2, 5), (2, 6), (2, 6)), box((9, 9, 9), (3, 6), (2, 6), (2, 6))
    spacing = (float(np.float32(1.2)), 1.0, 1.0)
    assert surface_dice(a, b, spacing, 1.2) == 1.0
    assert surface_dice(a, b, spacing, 1.19) < 1.0


@given(st.integers(0, 2**16 - 1), st.sampled_from([(1.0, 0.5), (0.8, 1.0, 2.5)]))
def test_surface_dice_agrees_with_brute_force(seed: int, spacing: tuple[float, ...]) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.random((6, 5, 4)[: len(spacing)]) < 0.5 for _ in range(2))

    def elements(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        padded, points, areas = np.pad(mask, 1), [], []
        for corner in np.ndindex(*(n + 1 for n in mask.shape)):
            cell = padded[tuple(slice(n, n + 2) for n in corner)]
            if cell.any() and not cell.all():
                faces = [
                    (cell.take(0, axis) != cell.take(1, axis)).mean() * np.prod(spacing) / mm
                    for axis, mm in enumerate(spacing)
                ]
                points.append(np.multiply(corner, spacing))
                areas.append(np.linalg.norm(faces))
        return np.array(points), np.array(areas)

    (ours, weights), (theirs, others) = elements(a), elements(b)
    distances = cdist(ours, theirs)
    close = weights[distances.min(1) <= 1.1].sum() + others[distances.min(0) <= 1.1].sum()
    expected = close / (weights.sum() + others.sum())
    assert surface_dice(a, b, spacing, 1.1) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:.*always_return_as_numpy:FutureWarning")
@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 1.0, 1.0), (0.7, 1.0, 2.5)])
@pytest.mark.parametrize("tolerance", [0.5, 1.0, 2.0])
def test_surface_dice_is_near_monais_marching_cubes(
    spacing: tuple[float, ...], tolerance: float
) -> None:
    rng = np.random.default_rng(len(spacing))
    shape = (40, 36, 32)[: len(spacing)]
    a, b = blob(rng, shape), blob(rng, shape)
    theirs = compute_surface_dice(
        torch.from_numpy(a)[None, None],
        torch.from_numpy(b)[None, None],
        [tolerance],
        include_background=True,
        spacing=spacing,
        use_subvoxels=True,
    )
    assert surface_dice(a, b, spacing, tolerance) == pytest.approx(float(theirs), abs=0.015)
