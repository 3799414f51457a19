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
    coloured = read_values and is_coloured(view)
    fits = [
        min((_fit(view, card, channel, coloured, read_values) for channel in channels), key=_order)
        for card in cards
        if card.dimension == scan.dimension
        and (channels := [one for one in card.requested_channels if not one.label_values])
    ]
    return sorted(fits, key=_order)


def _order(fit: ModelFit) -> tuple[int, int, int, int, str]:
    """Lower is better. A model that needs further scans comes after one that does not."""
    further = len(fit.card.requested_channels) - 1
    return len(fit.doubts), further, len(fit.unknown), -len(fit.matches), fit.card.full_name


def _fit(
    view: Scan, card: AnyCard, channel: Channel, coloured: bool, read_values: bool
) -> ModelFit:
    doubts = training_fit({channel.name: view}, card, read_values=read_values).doubts
    differing = {doubt.kind for doubt in doubts}
    stated = _stated(channel, coloured=coloured)
    known = shown_facts(view, read_values=read_values)
    return ModelFit(
        card,
        channel.name,
        doubts,
        tuple(kind for kind in DoubtKind if kind in (stated & known) - differing),
        tuple(kind for kind in DoubtKind if kind in stated - known - differing),
    )


def _stated(channel: Channel, *, coloured: bool) -> frozenset[DoubtKind]:
    """What the card states of the channel's training scans."""
    colour = {DoubtKind.COLOUR} if coloured and channel.components == _RGB else set()
    return stated_facts(channel) | colour
