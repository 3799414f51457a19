"""Where two masks differ, against plain numpy; and which of their labels mean the same."""

import numpy as np
import pytest

from imaging.metrics import dice, mask_difference
from imaging.metrics.label_matching import by_number, matched
from imaging.metrics.mask_difference import mask_difference as compare


@pytest.mark.parametrize("large", [0, 4_000_000_000])
def test_voxels_of_each_kind_and_differing_slices(
    monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    """`large`: label numbers that no table has room for."""
    chance = np.random.default_rng(7)
    first = chance.integers(0, 4, (9, 8, 7)).astype(np.uint32)
    second = np.where(chance.random(first.shape) < 0.7, first, 3 - first).astype(np.uint32)
    second[4:6] = first[4:6]
    if large:
        first[first == 2], second[second == 2] = large, large
    monkeypatch.setattr(mask_difference, "_BLOCK_VOXELS", 50)
    found = compare(first, second)
    differs = first != second
    assert found.only_first == int((differs & (second == 0)).sum())
    assert found.only_second == int((differs & (first == 0)).sum())
    assert found.other_label == int((differs & (first > 0) & (second > 0)).sum())
    assert found.agreement == int((~differs & (first > 0)).sum())
    for axis, counts in enumerate(found.slices):
        others = tuple({0, 1, 2} - {axis})
        assert list(counts) == differs.sum(axis=others).tolist()
    assert found.slices[0][4:6] == (0, 0)
    for label, overlap in found.labels.items():
        assert overlap.dice == dice(first == label, second == label)
    assert set(found.labels) == {1, large or 2, 3}


@pytest.mark.parametrize("large", [0, 4_000_000_000])
def test_labels_of_the_second_mask_in_the_numbers_of_the_first(large: int) -> None:
    first = np.array([[1, 2, 0, 2]], np.uint32)
    second = np.array([[5, 1, large, 1]], np.uint32)
    found = compare(first, second, renumbered={5: 1, 1: 2, large: 9} if large else {5: 1, 1: 2})
    assert {n: one.common for n, one in found.labels.items() if n != 9} == {1: 1, 2: 2}
    assert (found.only_second, found.other_label) == (1 if large else 0, 0)


def test_labels_match_by_name_where_names_are_known() -> None:
    ours = {1: "Liver", 2: "left_kidney"}
    theirs = {1: "left kidney", 2: "spleen", 3: "liver"}
    found = matched(ours, theirs)
    assert found.by == "name"
    assert found.renumbered == {1: 2, 2: 4, 3: 1}
    assert found.names == {1: "Liver", 2: "left_kidney", 4: "spleen"}


def test_labels_match_by_number_without_common_names() -> None:
    ours, theirs = {1: "liver"}, {1: "label 1", 2: "label 2"}
    assert matched(ours, theirs) == by_number(ours, theirs)
    assert matched(ours, ours).by == "number"
    assert matched(ours, theirs).names == {1: "liver", 2: "label 2"}
