"""How similar two masks of one scan are: in fp32, and in a lower precision."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from imaging.metrics import dice
from imaging.metrics.objects import Matches
from models.card import ModelCard

OBJECTS = "objects"
"""The key of the objects' precision in `Similarity.scores`."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """A comparison of two masks, label by label."""

    agreement: float
    """Fraction of voxels with the same label; for numbered objects, in an object of both masks or
    of neither."""
    scores: Mapping[str, float]
    """The Dice of each label that occurs in the fp32 mask, by its value; OBJECTS: for numbered
    objects, the mean precision at IoU 0.5 to 0.9."""
    absent: tuple[int, ...]
    """Values of the card's labels that do not occur in the fp32 mask."""

    @property
    def lowest(self) -> float:
        """The lowest of all scores and the agreement."""
        return min(self.agreement, *self.scores.values())


def compare_masks(exact: NDArray[Any], reduced: NDArray[Any], card: ModelCard) -> Similarity:
    """Compares the mask in fp32 with another one, both of the same shape.

    The masks contain label values or, for a card that numbers objects, object numbers, which may
    differ: then all objects together are the label.
    """
    scores: dict[str, float] = {}
    values = [label.value for label in card.labels]
    if card.instances is not None:
        scores[OBJECTS] = fmean(Matches.of(reduced, exact).average_precision())
        exact, reduced = (mask.astype(bool) * values[0] for mask in (exact, reduced))
    present = [value for value in values if (exact == value).any()]
    dices = {str(value): dice(exact == value, reduced == value) for value in present}
    return Similarity(
        agreement=float((exact == reduced).mean()),
        scores=dices | scores,
        absent=tuple(value for value in values if value not in present),
    )
