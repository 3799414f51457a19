"""The Dice of two label maps, for each label and in total."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from imaging.metrics.mask_difference import mask_difference


@dataclass(frozen=True, slots=True)
class LabelDice:
    """The Dice of two label maps."""

    overall: float
    """Over all labels: 2 sum |A_l and B_l| / sum (|A_l| + |B_l|); 1 if both masks are empty."""
    labels: Mapping[int, float]
    """Label -> 2 |A_l and B_l| / (|A_l| + |B_l|), for labels in at least one mask."""


def label_dice(first: NDArray[Any], second: NDArray[Any], *, objects: bool = False) -> LabelDice:
    """Compares two label maps of one shape; 0 is the background.

    `objects`: the values number objects, so that equal values mean nothing: the foregrounds are
    compared, and there are no labels.
    """
    difference = mask_difference(first, second, objects=objects)
    labels = {} if objects else {n: one.dice for n, one in difference.labels.items()}
    return LabelDice(difference.overall.dice, labels)
