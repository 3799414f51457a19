"""Membrane figures against scikit-image, direct computation and small worked pictures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import euler_number
from skimage.metrics import adapted_rand_error, variation_of_information

from imaging.metrics.membrane import CellAgreement, cell_agreement, pixel_error, thinned
from imaging.metrics.warping import _AROUND, _simple, warped, warping_error


def picture(*rows: str) -> np.ndarray:
    """A membrane: `#`."""
    return np.array([[c == "#" for c in row] for row in rows])


def cells(seed: int, shape: tuple[int, int] = (40, 44), count: int = 12) -> np.ndarray:
    """The membrane between the nearest-point regions of random points, a pixel wide."""
    rng = np.random.default_rng(seed)
    points = rng.random((count, 2)) * shape
    at = np.stack(np.indices(shape), -1)[:, :, None, :]  # type: ignore[call-overload]
    nearest = ((at - points) ** 2).sum(-1).argmin(-1)
    bordered = np.pad(nearest, 1, mode="edge")
    return (nearest != bordered[:-2, 1:-1]) | (nearest != bordered[1:-1, :-2])


WHOLE = picture("...#...", "...#...", "...#...")
BROKEN = picture("...#...", ".......", "...#...")


def test_one_missing_pixel_merges_two_cells() -> None:
    """Reference: two cells of 9. Found: one. Pairs together: 18^2; rightly so: 2 * 9^2."""
    assert pixel_error(BROKEN, WHOLE) == pytest.approx(1 / 21)
    agreement = cell_agreement(BROKEN, WHOLE)
    assert agreement is not None
    assert agreement.v_rand == pytest.approx(2 * 0.5 / (0.5 + 1))
    assert agreement.v_info == pytest.approx(0)  # one cell tells nothing
    assert agreement.variation_of_information == pytest.approx(1)  # one bit
    split = cell_agreement(WHOLE, BROKEN)
    assert split is not None
    # The pixels of the broken membrane's gap fall to either side: 9 and 10 of 19, of 21 - 2.
    assert split.v_rand == pytest.approx(2 * (9**2 + 10**2) / (19**2 + 9**2 + 10**2))


def test_width_does_not_matter_after_thinning() -> None:
    wide = ndimage.binary_dilation(cells(1), iterations=2)
    assert pixel_error(wide, cells(1)) > 0.2
    reference = cells(1)
    labels, count = ndimage.label(~reference)
    kept = np.unique(labels[~wide])
    assert kept.size == count  # no cell drowned
    agreement = cell_agreement(wide, reference)
    assert agreement is not None
    assert agreement.v_rand > 0.97
    assert cell_agreement(reference, reference) == CellAgreement(1.0, 1.0, 0.0)


def test_thinning_leaves_no_membrane_and_moves_no_cell() -> None:
    membrane = cells(2)
    grown = thinned(membrane)
    assert grown.min() == 1
    labels, count = ndimage.label(~membrane)
    np.testing.assert_array_equal(grown[~membrane], labels[~membrane])
    for n in range(1, count + 1):  # each still in one piece
        assert ndimage.label(grown == n)[1] == 1
    assert not thinned(np.ones((3, 3), bool)).any()


def test_a_membrane_is_parted_in_its_middle() -> None:
    np.testing.assert_array_equal(thinned(picture(*["..######.."] * 4)), [[1] * 5 + [2] * 5] * 4)


def test_nothing_to_score_and_nothing_found() -> None:
    assert cell_agreement(WHOLE, np.ones_like(WHOLE)) is None
    agreement = cell_agreement(np.ones_like(WHOLE), WHOLE)
    assert agreement is not None
    assert agreement.v_rand == pytest.approx(2 / 3)
    alone = cell_agreement(np.zeros_like(WHOLE), np.zeros_like(WHOLE))
    assert alone == CellAgreement(1.0, 1.0, 0.0)


@pytest.mark.parametrize("seed", range(5))
def test_rand_and_information_agree_with_scikit_image(seed: int) -> None:
    reference, found = cells(seed), cells(seed + 100)
    labels, _ = ndimage.label(~reference)
    grown = thinned(found)
    agreement = cell_agreement(found, reference)
    assert agreement is not None
    error, _, _ = adapted_rand_error(labels, grown)
    # scikit-image leaves out each pixel's pair with itself, the paper does not.
    here, there = (np.bincount(n[labels > 0]) for n in (grown, labels))
    possible, alone = ((here**2).sum() + (there**2).sum()) / 2, here.sum()
    without = (agreement.v_rand * possible - alone) / (possible - alone)
    assert without == pytest.approx(1 - error)
    splits, merges = variation_of_information(labels, grown, ignore_labels=(0,))
    assert agreement.variation_of_information == pytest.approx(splits + merges)


@given(st.integers(0, 2**16 - 1))
@settings(max_examples=25)
def test_rand_is_a_count_of_pairs_of_pixels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, found = (rng.random((7, 8)) < 0.4 for _ in range(2))
    labels, _ = ndimage.label(~reference)
    scored = labels > 0
    if not scored.any():
        return
    one, other = labels[scored], thinned(found)[scored]
    together = one[:, None] == one[None]
    here = other[:, None] == other[None]
    rand = (together & here).sum() / (0.5 * here.sum() + 0.5 * together.sum())
    agreement = cell_agreement(found, reference)
    assert agreement is not None
    assert agreement.v_rand == pytest.approx(rand)
    # Information: the sum over pixels of log p(a, b) / p(a) p(b), over the mean entropy.
    p, q = together.mean(1), here.mean(1)
    information = np.log2((together & here).mean(1) / (p * q)).mean()
    entropies = -np.log2(p).mean() - np.log2(q).mean()
    expected = 2 * information / entropies if entropies else 1.0
    assert agreement.v_info == pytest.approx(expected, abs=1e-9)


def test_bending_costs_nothing_and_breaking_does() -> None:
    bent = picture("...#...", "..#....", "..#....", "...#...", "...#...")
    straight = picture(*["...#..."] * 5)
    assert warping_error(bent, straight) == 0.0
    assert pixel_error(bent, straight) == pytest.approx(4 / 35)
    gap = straight.copy()
    gap[2] = False
    assert warping_error(gap, straight) == pytest.approx(1 / 35)
    hole = picture("#######", "#.....#", "#.....#", "#.....#", "#######")
    island = hole.copy()
    island[2, 3] = True  # a membrane in the midst of a cell
    assert warping_error(island, hole) == pytest.approx(1 / 35)
    assert warping_error(hole, hole) == 0.0


def test_no_pixel_moves_farther_than_the_reach() -> None:
    thin, wide = (np.zeros((9, 40), bool) for _ in range(2))
    thin[:, 10] = wide[:, 10:21] = True
    assert warping_error(wide, thin, reach_px=10) == 0.0
    np.testing.assert_array_equal(np.flatnonzero(warped(thin, wide, 3)[4]), np.arange(10, 14))
    assert warping_error(wide, thin, reach_px=3) == pytest.approx(7 / 40)


@given(st.integers(0, 2**16 - 1))
def test_warping_keeps_the_topology_and_nears_the_target(seed: int) -> None:
    rng = np.random.default_rng(seed)
    smooth = [ndimage.gaussian_filter(rng.normal(size=(16, 17)), 1.2) > 0 for _ in range(2)]
    reference, found = smooth
    moved = warped(reference, found, 50)
    differ = moved != found
    assert not (differ & (reference == found)).any()
    corners = np.ones((3, 3), bool)
    for mask in (moved, reference):
        assert ((mask == reference) | (mask == found)).all()
    # As many cells and as many membranes; the picture's outside is membrane.
    bordered = [np.pad(mask, 1, constant_values=True) for mask in (moved, reference)]
    assert ndimage.label(~bordered[0])[1] == ndimage.label(~bordered[1])[1]
    assert ndimage.label(bordered[0], corners)[1] == ndimage.label(bordered[1], corners)[1]
    # Nothing that may still be flipped is left.
    np.testing.assert_array_equal(warped(moved, found, 50), moved)


def test_simple_points_by_counting_parts_and_holes() -> None:
    """Over all 256 neighbourhoods: simple where neither the cell's parts nor its holes change.

    Counted in a frame of membrane, where holes and parts are global; a middle that is simple there
    by chance alone is told by its crossing number (Yokoi et al. 1975).
    """
    ring = [(0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0)]
    for code, simple in enumerate(_simple()):
        around = {place: code >> bit & 1 for bit, place in enumerate(_AROUND)}
        x = [around[place] for place in ring]
        crossing = sum(x[k] - x[k] * x[(k + 1) % 8] * x[(k + 2) % 8] for k in (0, 2, 4, 6))
        assert simple == (crossing == 1), f"{code:08b}"
        if simple:
            cell = np.zeros((5, 5), bool)
            for (row, column), value in around.items():
                cell[row + 1, column + 1] = value
            filled = cell.copy()
            filled[2, 2] = True
            assert euler_number(cell, 1) == euler_number(filled, 1)
            assert ndimage.label(cell)[1] == ndimage.label(filled)[1]
