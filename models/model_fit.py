"""Which models fit a scan best, by their cards."""

from collections.abc import Iterable
from dataclasses import dataclass

from imaging.orientation import canonical
from imaging.scan import Scan
from imaging.scan_traits import is_coloured
from models.any_card import AnyCard
from models.card_parts import Channel
from models.comparable_facts import shown_facts, stated_facts
from models.doubt import Doubt, DoubtKind
from models.training_fit import training_fit

_RGB = 3
_PLANE = 2


@dataclass(frozen=True, slots=True)
class ModelFit:
    """How a scan fits a model, in the channel that it fits best."""

    card: AnyCard
    channel: str
    doubts: tuple[Doubt, ...]
    """Why the model's mask of the scan may be wrong."""
    matches: tuple[DoubtKind, ...]
    """What the card states of its training scans and this scan shows, too."""
    unknown: tuple[DoubtKind, ...]
    """What the card states of its training scans and this scan does not show."""


def ranked(scan: Scan, cards: Iterable[AnyCard], *, read_values: bool) -> list[ModelFit]:
    """The models for scans of this dimension, the best one first.

    `read_values`: also compares values, which for some cards reads all voxels.
    """
    view = canonical(scan).scan
    colours = _shown_components(view) if read_values else None
    fits = [
        min((_fit(view, card, channel, colours, read_values) for channel in channels), key=_order)
        for card in cards
        if card.dimension == scan.dimension
        and (channels := [one for one in card.requested_channels if not one.label_values])
    ]
    return sorted(fits, key=_order)


def _order(fit: ModelFit) -> tuple[int, int, int, str]:
    """Lower is better. A model that needs further scans comes after one that does not.

    A stated fact that the scan fits counts for the model, and one that it does not fit against it.
    What the card does not state counts neither way, as what the scan does not show.
    """
    further = len(fit.card.requested_channels) - 1
    return len(fit.doubts), further, -len(fit.matches), fit.card.full_name


def _fit(
    view: Scan, card: AnyCard, channel: Channel, colours: int | None, read_values: bool
) -> ModelFit:
    doubts = training_fit({channel.name: view}, card, read_values=read_values).doubts
    differing = {doubt.kind for doubt in doubts}
    stated = stated_facts(channel)
    if channel.components == colours:
        stated |= {DoubtKind.COLOUR}
    known = shown_facts(view, read_values=read_values)
    return ModelFit(
        card,
        channel.name,
        doubts,
        tuple(kind for kind in DoubtKind if kind in (stated & known) - differing),
        tuple(kind for kind in DoubtKind if kind in stated - known - differing),
    )


def _shown_components(view: Scan) -> int | None:
    """How many components a channel has that states the colours of this image, or that it is grey.

    None for a volume: all models for volumes read grey values.
    """
    if view.dimension != _PLANE:
        return None
    return _RGB if is_coloured(view) else 1
