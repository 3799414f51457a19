"""Which models fit a scan best, by their cards."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imaging.orientation import canonical
from imaging.scan import Scan
from imaging.scan_traits import is_coloured
from models.any_card import AnyCard
from models.card_parts import Channel
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
    stated = set(_stated(channel, coloured=coloured))
    known = set(_known(view, read_values=read_values))
    return ModelFit(
        card,
        channel.name,
        doubts,
        tuple(kind for kind in DoubtKind if kind in (stated & known) - differing),
        tuple(kind for kind in DoubtKind if kind in stated - known - differing),
    )


def _stated(channel: Channel, *, coloured: bool) -> Iterator[DoubtKind]:
    """What the card states of the channel's training scans."""
    if coloured and channel.components == _RGB:
        yield DoubtKind.COLOUR
    trained = channel.trained_on
    if trained is None:
        return
    facts = {
        DoubtKind.MODALITY: trained.modalities,
        DoubtKind.BODY_PART: trained.body_parts,
        DoubtKind.SPACING: trained.spacing_mm,
        DoubtKind.EXTENT: trained.extent_mm,
        DoubtKind.VALUES: trained.values,
    }
    yield from (kind for kind, fact in facts.items() if fact)


def _known(scan: Scan, *, read_values: bool) -> Iterator[DoubtKind]:
    """What the scan shows."""
    if scan.spacing_mm is not None:
        yield from (DoubtKind.SPACING, DoubtKind.EXTENT)
    if read_values:
        yield from (DoubtKind.COLOUR, DoubtKind.VALUES)
    if scan.source is not None and scan.source.modality:
        yield DoubtKind.MODALITY
    if scan.source is not None and scan.source.body_part:
        yield DoubtKind.BODY_PART
