"""The page of the model card, made from the schema of `ModelCard`."""

import json_schema

from models.card import ModelCard

INTRODUCTION = """# Model card

`card.json` beside `model.onnx` says all that Tessera needs to know about a network. A field that is
not listed here is refused. [Add your own model](../how-to/own-model.md) shows how to write a card.
The card that you write may leave out `dimension`, `padding`, `halo`, `align`, `minimum`, `exact`,
`parameters` and `sha256`: they are [derived](../explanation/networks.md#halo-align-minimum) when
the model is added. [Codes of labels](../how-to/own-model.md#codes-of-labels) says how to choose
codes.
"""


def page() -> str:
    """Markdown: the card's fields, then those of each part."""
    return "\n".join([INTRODUCTION, *json_schema.sections(ModelCard.model_json_schema())])
