"""The pages of both kinds of model cards, made from their schemas."""

import json_schema

from models.card import ModelCard
from models.combination import Combination

INTRODUCTION = """# Model card

`card.json` beside `model.onnx` says all that Tessera needs to know about a network. A field that is
not listed here is refused. [Add your own model](../how-to/own-model.md) shows how to write a card.
The card that you write may leave out `dimension`, `padding`, `halo`, `align`, `minimum`, `exact`,
`parameters` and `sha256`: they are [derived](../explanation/networks.md#halo-align-minimum) when
the model is added. [Codes of labels](../how-to/own-model.md#codes-of-labels) says how to choose
codes.
"""
COMBINATION = """# Card of a model of parts

`card.json` of a model that is [made of others](../how-to/combine-models.md) has these fields. All
else is that of the parts.
"""


def page() -> str:
    """Markdown: the card's fields, then those of each part."""
    return "\n".join([INTRODUCTION, *json_schema.sections(ModelCard.model_json_schema())])


def page_of_parts() -> str:
    """The same for the card of a model that is made of others."""
    return "\n".join([COMBINATION, *json_schema.sections(Combination.model_json_schema())])
