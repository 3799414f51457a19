"""How similar this machine's mask of a reference case is to the given one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from imaging.box import Box
from imaging.metrics.objects import Matches
from imaging.scan import Scan
from inference.device import Device
from inference.label_counts import LabelCounts
from inference.mask_similarity import OBJECTS
from models.card import ModelCard
from models.reference import Agreement

_TIED_VOXELS = 10
_TIED_DICE = 0.99
"""Rounding decides where two outputs are nearly equal, and software rounds differently. A label
that differs in no more voxels than that needs this Dice only: one voxel of a small label would fail
it otherwise."""


@dataclass(frozen=True, slots=True)
class ReferenceOutcome:
    """The two masks of a reference case, compared."""

    device: str
    """Name of the runtime."""
    precision: str
    dice: Mapping[str, float]
    """Dice of each label that occurs in one of the masks, by its value; OBJECTS: for numbered
    objects, the mean precision at IoU 0.5 to 0.9."""
    differing: int
    """Voxels whose labels differ."""
    voxels: int
    """All voxels."""
    seconds: float
    """Duration of the run, without loading the network."""
    failure: str = ""
    """Why the case fails, in one sentence; empty: it passes."""

    @property
    def passed(self) -> bool:
        """Whether the masks are as similar as the card requires."""
        return not self.failure


def compared(
    given: Scan, computed: NDArray[Any], card: ModelCard, device: Device, seconds: float
) -> ReferenceOutcome:
    """The outcome for two masks on the same grid; the card has a reference."""
    if card.reference is None:
        raise ValueError("The card has no reference.")
    values = [label.value for label in card.labels]
    numbered = card.instances is not None
    counts = LabelCounts.of(
        given, computed, max(values), (lambda part: (part > 0) * values[0]) if numbered else _same
    )
    scores = {str(value): counts.dice(value) for value in counts.labels}
    if numbered:
        whole = given.read(Box.whole(given.grid))[0]
        scores[OBJECTS] = fmean(Matches.of(computed, whole).average_precision())
    required = card.reference.required(device.precision)
    failure = next(_failures(counts, scores, card, required), "")
    return ReferenceOutcome(
        device.name,
        device.precision,
        scores,
        counts.differing,
        counts.voxels,
        round(seconds, 3),
        failure and f"In {device.precision}, {failure}",
    )


def _same(part: NDArray[Any]) -> NDArray[Any]:
    return part


def _failures(
    counts: LabelCounts, scores: Mapping[str, float], card: ModelCard, required: Agreement
) -> Iterator[str]:
    """The end of a sentence for each requirement that is not met."""
    names = {str(label.value): f"label {label.value} ({label.name})" for label in card.labels}
    for key, score in scores.items():
        tied = key in names and counts.differing_of(int(key)) <= _TIED_VOXELS
        if score < (min(required.dice, _TIED_DICE) if tied else required.dice):
            yield (
                f"{names.get(key, 'the single objects')} of the reference case: "
                f"{score:.4f}, at least {required.dice:g} is required."
            )
    if counts.differing > max(_TIED_VOXELS, (1 - required.equal) * counts.voxels):
        yield (
            f"{counts.differing:,} of {counts.voxels:,} voxels of the reference case differ; at "
            f"least {required.equal:.2%} must be equal."
        )
