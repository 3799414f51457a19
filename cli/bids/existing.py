"""What an earlier run left in the output folder: the description of the data set, and masks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cli.bids.data_set import json_object

GENERATOR = "Tessera"
LINK = "raw"
"""Name of the source data set in BIDS URIs."""


def is_ours(facts: Mapping[str, Any]) -> bool:
    """Whether the description of a data set states that Tessera wrote it."""
    generators = facts.get("GeneratedBy")
    names = [
        one.get("Name")
        for one in (generators if isinstance(generators, list) else ())
        if isinstance(one, dict)
    ]
    return facts.get("DatasetType") == "derivative" and GENERATOR in names


def links_to(facts: Mapping[str, Any], root: Path, source: Path | None) -> bool:
    """Whether the data set at `root`, described by `facts`, is made from `source`; None: from scans
    outside of data sets."""
    links = facts.get("DatasetLinks", {})
    stated = links.get(LINK) if isinstance(links, dict) else links
    if source is None or not isinstance(stated, str):
        return stated is None and source is None
    try:
        return (root / stated).resolve() == source.resolve()
    except ValueError:  # not a path: a null character, or half of a surrogate pair
        return False


def is_of(side: Path, sources: Sequence[str], model_field: str, model: str) -> bool:
    """Whether a side file states these sources, at least one, and this name of a model.

    `model_field`: the field of the side file that describes the model.
    """
    try:
        facts = json_object(side)
    except (OSError, ValueError):
        return False
    stated = facts.get(model_field)
    same_model = isinstance(stated, dict) and stated.get("name") == model
    return same_model and bool(sources) and facts.get("Sources") == list(sources)
