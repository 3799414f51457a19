"""The configuration of a fine-tuning, derived from the card of its parent."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imaging.errors import BadRequest
from models.card import ModelCard
from models.card_facts import CardFacts
from models.data_set.case_files import LABELS, image_folders
from models.training.config import TrainingConfig
from models.training.parent_network import ParentNetwork

_AVERAGING = 0.99
_ON_LABELS = 0.5


def derived_config(
    parent: ParentNetwork,
    version: str,
    held_out: Sequence[str],
    optimisation: dict[str, Any],
) -> TrainingConfig:
    """The parent's network, card, augmentation and loss, with other steps.

    Batch norm uses the running statistics from the first step on, as in inference: a few cases do
    not represent all scans, and the network stays the exact one that is served. `optimisation`:
    what the user chose. Raises BadRequest if the parent's settings are not valid any more.
    """
    before = parent.training
    table = dict(before.get("optimisation", {}))
    fields = {
        "seed": optimisation.pop("seed"),
        "card": _facts(parent.card, version),
        "data": _data(parent.card, before.get("data", {}), held_out),
        "network": parent.settings.model_dump(),
        "augmentation": before.get("augmentation", {}),
        "loss": _loss(before.get("loss", {})),
        "optimisation": {
            "batch": table.get("batch", 2),
            "output": table.get("output", ()),
            "weight_decay": table.get("weight_decay", 1e-2),
            "averaging": _AVERAGING,
            "norm_until": 0.0,
            "on_labels": _ON_LABELS,
            **optimisation,
        },
    }
    try:
        return TrainingConfig.model_validate(fields)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise BadRequest(
            f"The training of {parent.card.full_name} cannot be continued: {faults}.",
            expected="A card with the configuration of its training, as this version reads it.",
            hint="Write a configuration, and give model.onnx as `start` in [optimisation].",
        ) from error


def _facts(card: ModelCard, version: str) -> CardFacts:
    """What the parent's card states; its reference was made by the parent."""
    fields = {name: getattr(card, name) for name in CardFacts.model_fields}
    return CardFacts(**fields | {"version": version, "reference": None})


def _data(card: ModelCard, before: dict[str, Any], held_out: Sequence[str]) -> dict[str, Any]:
    folders = image_folders([channel.name for channel in card.channels])
    images: Any = dict(folders) if len(folders) > 1 else next(iter(folders.values()))
    by_output = card.activation == "softmax" and card.instances is None
    classes = {n: (value,) for n, value in enumerate(card.outputs) if n} if by_output else None
    return {
        "images": images,
        "labels": Path(LABELS),
        "classes": classes,
        "regions": before.get("regions", ()),
        "target": "instances" if card.instances is not None else "labels",
        "validation": tuple(held_out),
        "colour_weight": before.get("colour_weight", 1.0),
    }


def _loss(before: dict[str, Any]) -> dict[str, Any]:
    """Without teachers, which were files of the parent's training."""
    left_out = ("distillation", "teachers", "mirrors")
    return {name: value for name, value in before.items() if name not in left_out}
