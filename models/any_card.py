"""A card of either kind: of a network, or of a model that is made of others."""

import json
from pathlib import Path
from typing import Any

from models.card import ModelCard
from models.combination import Combination
from models.combined_card import CombinedCard

AnyCard = ModelCard | CombinedCard
"""What the service knows of a model; `parts` is what only a model of several parts has."""


def parse_card(fields: dict[str, Any]) -> AnyCard:
    """A complete card, as the service sends it; raises ValidationError for other fields."""
    kind = CombinedCard if "parts" in fields else ModelCard
    return kind.model_validate(fields)


def read_card(path: Path) -> ModelCard | Combination:
    """card.json of either kind; one that lists `parts` has no network of its own.

    Raises BadModel, which names every invalid field.
    """
    kind = Combination if lists_parts(path) else ModelCard
    return kind.load(path)


def lists_parts(path: Path) -> bool:
    """Whether card.json is that of a model that is made of others."""
    try:
        fields = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):  # loading the card reports it
        return False
    return isinstance(fields, dict) and "parts" in fields
