"""Agreement of raters, against published numbers, and Dice of label maps, against sums."""

import numpy as np
import pytest

from imaging.metrics import dice, mask_difference
from imaging.metrics.label_dice import label_dice as compare
from imaging.metrics.raters import Z_95, cohen_kappa, proportion

TABLE = ((106, 10, 4), (22, 28, 10), (2, 12, 6))
"""Fleiss, Cohen and Everitt 1969, table 1: 200 subjects, kappa 0.429 with the variance 0.002885."""


def pairs_of(table: tuple[tuple[int, ...], ...]) -> list[tuple[str, str]]:
    return [
        (str(row), str(column))
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]


def test_kappa_and_its_interval_are_the_published_ones() -> None:
    kappa = cohen_kappa(pairs_of(TABLE))
    assert kappa is not None
    assert kappa.value == pytest.approx(0.4286, abs=1e-4)
    assert ((kappa.high - kappa.value) / Z_95) ** 2 == pytest.approx(0.002885, abs=1e-6)
    assert kappa.value - kappa.low == pytest.approx(kappa.high - kappa.value)


def test_kappa_at_its_ends() -> None:
    agree = cohen_kappa([("a", "a"), ("b", "b")])
    opposed = cohen_kappa([("a", "b"), ("b", "a")])
    assert agree is not None
    assert opposed is not None
    assert (agree.value, agree.high, opposed.value, opposed.low) == (1.0, 1.0, -1.0, -1.0)
    assert cohen_kappa([]) is None
    assert cohen_kappa([("a", "a")] * 9) is None, "chance alone gives full agreement"


def test_a_share_has_the_interval_of_wilson() -> None:
    """Newcombe 1998 (Stat. Med. 17, 857), table I, method 3: 81 of 263, and 0 of 20."""
    some, none = proportion(81, 263), proportion(0, 20)
    assert some is not None
    assert none is not None
    assert [some.low, some.high] == pytest.approx([0.2553, 0.3662], abs=5e-5)
    assert [none.low, none.high] == pytest.approx([0.0, 0.1611], abs=5e-5)
    assert proportion(0, 0) is None


def test_dice_of_each_label_and_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(3)
    first = chance.integers(0, 4, (9, 8, 7)).astype(np.uint8)
    second = np.where(chance.random(first.shape) < 0.7, first, 7).astype(np.uint16)
    monkeypatch.setattr(mask_difference, "_BLOCK_VOXELS", 50)
    found = compare(first, second)
    assert found.labels == {n: dice(first == n, second == n) for n in (1, 2, 3, 7)}
    both = int(((first == second) & (first > 0)).sum())
    total = int((first > 0).sum() + (second > 0).sum())
    assert found.overall == pytest.approx(2 * both / total)


def test_objects_are_compared_by_their_areas() -> None:
    first = np.array([[0, 1, 2, 2]])
    second = np.array([[0, 70_000, 5, 0]])
    found = compare(first, second, objects=True)
    assert found.overall == pytest.approx(4 / 5)
    assert found.labels == {}


def test_two_empty_masks_are_the_same() -> None:
    empty = np.zeros((3, 3), np.uint8)
    assert compare(empty, empty).overall == 1.0
    assert compare(empty, empty + 1).overall == 0.0
