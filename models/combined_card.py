"""The complete card of a model that is made of others, derived from the cards of its parts."""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Literal

from imaging.errors import BadModel
from imaging.label_codes import default_color
from models.card import ModelCard, Size
from models.card_parts import Channel, Label, Sha256
from models.combination import Combination, PaintedLabel, Part
from models.model_facts import ModelFacts

_COLORS = 1000
"""How many colours are tried for a label; screens hardly show more of them."""


class InstalledPart(Part):
    """A part, and which model of that name is installed."""

    version: str
    """Version of the model."""
    sha256: Sha256
    """Identifies its networks."""


class CombinedCard(ModelFacts):
    """What users need to know about a model that is made of others."""

    version: str
    """Version of the model, as its author counts."""
    dimension: Literal[2, 3]
    """2: images. 3: volumes."""
    exact: bool
    """Whether all parts are exact."""
    minimum: tuple[Size, ...]
    """Smallest tile that every part can read, in voxels, per axis."""
    parts: tuple[InstalledPart, ...]
    """In the order in which they are painted, later over earlier."""
    sha256: Sha256
    """Identifies the networks of all parts, and what of them is painted."""

    @property
    def network_spacing_mm(self) -> None:
        """None: each part has its own."""
        return None

    @property
    def checksum(self) -> str:
        """As that of a network: a worker whose parts are others refuses the job."""
        return self.sha256


def combined_card(combination: Combination, cards: Sequence[ModelCard]) -> CombinedCard:
    """The whole card; `cards`: of the parts, in their order.

    Raises BadModel where the parts do not fit each other, or the combination does not fit them.
    """
    first = cards[0]
    for card in cards:
        _check_part(combination, card, first)
    parts = tuple(
        InstalledPart(**dict(part), version=card.version, sha256=card.checksum)
        for part, card in zip(combination.parts, cards, strict=True)
    )
    return CombinedCard(
        name=combination.name,
        version=combination.version,
        title=combination.title,
        description=combination.description,
        channels=_channels(combination, cards),
        labels=_labels(combination, cards),
        within=combination.within,
        licence=_joined(card.licence for card in cards),
        data=_joined(card.data for card in cards),
        split=_joined(card.split for card in cards),
        limits=_joined(card.limits for card in cards),
        intended_use=_joined(card.intended_use for card in cards),
        dimension=first.dimension,
        exact=all(card.exact for card in cards),
        minimum=tuple(max(sizes) for sizes in zip(*(c.minimum for c in cards), strict=True)),
        parts=parts,
        sha256=_checksum(parts),
    )


def _check_part(combination: Combination, card: ModelCard, first: ModelCard) -> None:
    if card.instances is not None:
        raise _unsuitable(combination, f"{card.name} numbers objects instead of writing labels")
    if card.dimension != first.dimension:
        raise _unsuitable(
            combination,
            f"{card.name} segments {card.dimension}D scans, {first.name} {first.dimension}D scans",
        )
    if card.channels[0].name != first.channels[0].name:
        raise _unsuitable(
            combination,
            f"the first channel of {card.name} is {card.channels[0].name}, that of {first.name} is "
            f"{first.channels[0].name}",
        )


def _channels(combination: Combination, cards: Sequence[ModelCard]) -> tuple[Channel, ...]:
    """Those of all parts; a channel that several parts have is the same scan for all of them."""
    channels: dict[str, Channel] = {}
    for card in cards:
        for channel in card.channels:
            known = channels.setdefault(channel.name, channel)
            if _kind(known) != _kind(channel):
                raise _unsuitable(
                    combination,
                    f"the channel {channel.name} of {card.name} is another kind of scan than that "
                    "of an earlier part",
                )
    return tuple(channels.values())


def _kind(channel: Channel) -> tuple[object, ...]:
    return channel.components, channel.label_values, channel.made_by


def _labels(combination: Combination, cards: Sequence[ModelCard]) -> tuple[Label, ...]:
    """The painted labels by their value, with the codes of the part that paints each first."""
    labels: dict[int, Label] = {}
    for part, card in zip(combination.parts, cards, strict=True):
        own = {label.value: label for label in card.labels}
        for painted in part.labels:
            if painted.label not in own:
                raise _unsuitable(combination, f"{card.name} has no label {painted.label}")
            label = _painted(own[painted.label], painted)
            known = labels.setdefault(painted.value, label)
            if known.name != label.name:
                raise _unsuitable(
                    combination,
                    f"the value {painted.value} is named {known.name} and {label.name}",
                )
    return _with_own_colors([labels[value] for value in sorted(labels)])


def _painted(label: Label, painted: PaintedLabel) -> Label:
    name = painted.name or label.name
    return label.model_copy(update={"value": painted.value, "name": name})


def _with_own_colors(labels: Sequence[Label]) -> tuple[Label, ...]:
    """A colour that an earlier label has is replaced: parts choose theirs independently."""
    used: set[str] = set()
    distinct = []
    for label in labels:
        others = map(default_color, range(label.value, label.value + _COLORS))
        free = (color for color in (label.color, *others) if color not in used)
        color = next(free, label.color)
        used.add(color)
        distinct.append(label.model_copy(update={"color": color}))
    return tuple(distinct)


def _joined(texts: Iterable[str]) -> str:
    """Each text once."""
    return "; ".join(filter(None, dict.fromkeys(texts)))


def _checksum(parts: Sequence[InstalledPart]) -> str:
    painted = [[part.sha256, [label.model_dump() for label in part.labels]] for part in parts]
    return sha256(json.dumps(painted, sort_keys=True).encode()).hexdigest()


def _unsuitable(combination: Combination, reason: str) -> BadModel:
    return BadModel(
        f"The parts of {combination.name} do not fit: {reason}.",
        expected="Parts with one first channel and dimension, each painted label in its part, and "
        "one name for each value.",
        hint="Combine the parts again: tessera models combine.",
    )
