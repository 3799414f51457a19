"""Chooses what the labels of several models become in the mask that they make together."""

from collections.abc import Mapping, Sequence
from itertools import count

from imaging.errors import BadRequest
from models.card import ModelCard
from models.combination import PaintedLabel, Part


def painted_parts(cards: Sequence[ModelCard], values: Mapping[str, int]) -> tuple[Part, ...]:
    """A part for each card, in their order. Labels of one name are one label.

    `values`: name of a label -> its value in the whole; 0 leaves the label out. Labels that are not
    in it get the lowest free values from 1, in the order of the cards. Raises BadRequest for a name
    that no card has, and for a card of which nothing is painted.
    """
    names = dict.fromkeys(label.name for card in cards for label in card.labels)
    for name, value in values.items():
        if value and name not in names:
            raise BadRequest(
                f"A value is stated for {name}, which no part has.",
                expected=f"Labels of the parts: {', '.join(names)}.",
                hint="Correct the name, or leave it out.",
            )
    used = set(values.values())
    free = (number for number in count(1) if number not in used)
    numbers = {name: values[name] if name in values else next(free) for name in names}
    return tuple(_part(card, numbers) for card in cards)


def _part(card: ModelCard, numbers: Mapping[str, int]) -> Part:
    painted = tuple(
        PaintedLabel(label=label.value, value=numbers[label.name])
        for label in card.labels
        if numbers[label.name]
    )
    if not painted:
        raise BadRequest(
            f"No label of {card.name} is painted.",
            expected="At least one label of each part.",
            hint="Leave the part out, or give one of its labels a value above 0.",
        )
    return Part(model=card.full_name, labels=painted)
