"""Which models' masks mean the same, so that they can be in one data set."""

from collections.abc import Sequence

from models.any_card import AnyCard


def versions_of(chosen: AnyCard, cards: Sequence[AnyCard]) -> list[AnyCard]:
    """The card, and those of its other versions with the same labels."""

    def meaning(card: AnyCard) -> tuple[object, ...]:
        return card.name, card.labels, card.instances, card.channels

    alike = (card for card in cards if meaning(card) == meaning(chosen))
    return [chosen, *(card for card in alike if card.full_name != chosen.full_name)]
