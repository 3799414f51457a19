"""A card to fill in: what follows from the network, and placeholders for what only people know."""

from typing import Any

from imaging.label_codes import default_color
from models.derived_fields import derived_fields
from models.onnx_graph.facts import GraphFacts


def card_template(facts: GraphFacts) -> dict[str, Any]:
    """The fields of card.json; each `<...>` must be replaced before the model is added."""
    outputs = facts.out_channels or 2
    regions = outputs == 1
    numbers = range(1, outputs + 1) if regions else range(1, outputs)
    fields = {
        "name": "<name: a to z, 0 to 9, hyphens>",
        "version": "1",
        "title": "<short title for lists>",
        "description": "<what it segments, in which scans>",
        "channels": _channels(facts),
        "labels": [
            {"value": n, "name": f"<label {n}>", "color": default_color(n)} for n in numbers
        ],
        "outputs": list(numbers) if regions else list(range(outputs)),
        "spacing_mm": ["<voxel size in mm>"] * facts.dimension,
        "intensity": {"kind": "<zscore, percentile, fixed or none>"},
        "licence": "<SPDX identifier of the weights' licence>",
    }
    if regions:
        fields["activation"] = "sigmoid"
    return fields | derived_fields(facts)


def _channels(facts: GraphFacts) -> list[dict[str, Any]]:
    count = facts.in_channels or 1
    if count == 3 and facts.dimension == 2:
        return [{"name": "<name of the image>", "components": 3}]
    return [{"name": f"<name of scan {n}>"} for n in range(1, count + 1)]
