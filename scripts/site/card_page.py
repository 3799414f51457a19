"""The page of the model card, made from the schema of `ModelCard`."""

import json_schema

from models.card import ModelCard

INTRODUCTION = """# Model card

`card.json` beside `model.onnx` says all that Tessera needs to know about a network. A field that is
not listed here is refused. [Add your own model](../how-to/own-model.md) shows a complete card; the
explanation of [halo, align and minimum](../explanation/networks.md#halo-align-minimum) says how to
find these numbers; [codes of labels](../how-to/own-model.md#codes-of-labels) how to choose codes.
"""


def page() -> str:
    """Markdown: the card's fields, then those of each part."""
    return "\n".join([INTRODUCTION, *json_schema.sections(ModelCard.model_json_schema())])
