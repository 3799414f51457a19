"""The page of the model card, made from the schema of `ModelCard`."""

from typing import Any

import json_schema
from md import code, sentence, table

from models.card import ModelCard

INTRODUCTION = """# Model card

`card.json` beside `model.onnx` says all that Tessera needs to know about a network. A field that is
not listed here is refused. [Add your own model](../how-to/own-model.md) shows a complete card; the
explanation of [halo, align and minimum](../explanation/networks.md#halo-align-minimum) says how to
find these numbers; [codes of labels](../how-to/own-model.md#codes-of-labels) how to choose codes.
"""


def page() -> str:
    """Markdown: the card's fields, then those of each part."""
    whole = ModelCard.model_json_schema()
    lines = [INTRODUCTION, "## Fields", "", *_fields(whole)]
    for name, part in sorted(whole.get("$defs", {}).items()):
        lines += [f"## {name}", "", sentence(part.get("description", "")), "", *_fields(part)]
    return "\n".join(lines)


def _fields(part: dict[str, Any]) -> list[str]:
    required = set(part.get("required", ()))
    return table(
        ("field", "value", "default", "description"),
        (
            (
                code(name),
                json_schema.kind(field),
                "**required**" if name in required else json_schema.default(field),
                sentence(field.get("description", "")),
            )
            for name, field in part.get("properties", {}).items()
        ),
    )
