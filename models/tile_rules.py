"""What the network of a card requires of tiles."""

from imaging.tiling import TileRule
from models.card import ModelCard


def tile_rules(card: ModelCard) -> tuple[TileRule, ...]:
    """The rule of each axis."""
    return tuple(
        TileRule(halo, align, minimum, card.padding == "valid")
        for halo, align, minimum in zip(card.halo, card.align, card.minimum, strict=True)
    )
