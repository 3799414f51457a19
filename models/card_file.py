"""Reads and writes card.json, of every kind of card."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from imaging.errors import BadModel

Card = TypeVar("Card", bound=BaseModel)


def load_card(kind: type[Card], path: Path) -> Card:
    """Reads a card of this kind; raises BadModel, which names every invalid field."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors()
        )
        raise BadModel(
            f"The card is not valid: {faults}.",
            expected="A card.json with the fields that docs/how-to/own-model.md describes.",
            hint="Correct these fields and add the model again.",
        ) from error
    except OSError as error:
        raise BadModel(
            "The folder has no card.json that can be read.",
            expected="A folder with model.onnx and card.json.",
            hint="Choose such a folder, or write the card: see docs/how-to/own-model.md.",
        ) from error


def save_card(card: BaseModel, path: Path) -> None:
    """Writes card.json, indented, without fields that have their default."""
    path.write_text(card.model_dump_json(indent=2, exclude_defaults=True) + "\n")
