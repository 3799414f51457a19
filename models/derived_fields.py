"""The fields of a card that follow from the network, and whether a card states them right."""

from typing import Any

from imaging.errors import BadModel
from models.card import ModelCard
from models.onnx_graph.facts import GraphFacts, Tiling
from models.windows import Windows

TILING = ("padding", "halo", "align", "minimum")
"""What a card states about tiles."""
LEAVE_OUT = (
    "Correct these fields, or leave them out of card.json: they are derived from the network."
)


def derived_fields(facts: GraphFacts) -> dict[str, Any]:
    """The derived fields, as in card.json. Those of the tiling are missing where it is unknown."""
    fields: dict[str, Any] = {"dimension": facts.dimension}
    if facts.tiling is not None:
        fields |= _tiling(facts.tiling)
    return fields | {"exact": facts.exact, "parameters": facts.parameters}


def derived_fields_of_windows(facts: GraphFacts, windows: Windows) -> dict[str, Any]:
    """The same for a network that runs in windows. Without a tiling, the patch is its one size."""
    fields = {
        "padding": "same",
        "halo": [0] * len(windows.network_patch),
        "align": [1] * len(windows.network_patch),
        "minimum": list(windows.network_patch),
    } | derived_fields(facts)
    if windows.slicewise:
        for name, ahead in (("halo", 0), ("align", 1), ("minimum", 1)):
            fields[name] = [ahead, *fields[name]]
        fields["dimension"] = 3
    return fields | {"exact": False}


def check_derived_fields(card: ModelCard, facts: GraphFacts) -> None:
    """Raises BadModel, with the right numbers, where the card states others.

    For a network that is not exact, halo and align do not change the mask. Only its padding is
    checked here, and its sizes when it runs.
    """
    derived = derived_fields(facts)
    checked = ("dimension", "exact", *TILING) if facts.exact else _checked_of_whole(facts)
    wrong = [name for name in checked if name in derived and _stated(card, name) != derived[name]]
    if wrong:
        raise BadModel(
            f"The card states {_listed({name: _stated(card, name) for name in wrong})}.",
            expected=f"The network has {_listed({name: derived[name] for name in wrong})}."
            + (f" It is not exact: {facts.reason}." if "exact" in wrong and facts.reason else ""),
            hint=LEAVE_OUT,
        )


def _checked_of_whole(facts: GraphFacts) -> tuple[str, ...]:
    valid = facts.tiling is not None and facts.tiling.padding == "valid"
    return ("dimension", "exact", "padding", *(("halo",) if valid else ()))


def _tiling(tiling: Tiling) -> dict[str, Any]:
    return {
        "padding": tiling.padding,
        "halo": list(tiling.halo),
        "align": list(tiling.align),
        "minimum": list(tiling.minimum),
    }


def _stated(card: ModelCard, name: str) -> Any:
    value = getattr(card, name)
    return list(value) if isinstance(value, tuple) else value


def _listed(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in fields.items())


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return " x ".join(map(str, value)) if isinstance(value, list) else str(value)
