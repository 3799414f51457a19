"""dataset.json: channels and labels of a data set. Torch-free."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imaging.label_codes import default_color
from models.importers.names import model_name
from models.importers.nnunet.refusals import damaged, unsupported

_RGB = (["r", "g", "b"], ["red", "green", "blue"])


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels as card fields."""

    fields: list[dict[str, Any]]
    """`labels` of the card."""
    outputs: list[int]
    """The label value that each output of the network paints."""
    regions: bool
    """Whether outputs are regions that may overlap; else they exclude each other."""

    def of_model(self, name: str) -> dict[str, Any]:
        """The channel of a cascade that takes the mask of its first network, the model `name`."""
        return {
            "name": "previous",
            "description": "The mask of the cascade's first network.",
            "label_values": [field["value"] for field in self.fields],
            "made_by": name,
        }


def labels_of(dataset: Mapping[str, Any]) -> Labels:
    """The labels; raises BadModel where they do not fit nnU-Net's rules.

    The label `ignore` has no output: it marks voxels that training did not use.
    """
    named = {str(name): value for name, value in _mapping(dataset, "labels").items()}
    named.pop("ignore", None)
    if named.pop("background", None) != 0 or not named:
        raise damaged("The labels of dataset.json need background: 0 and others beside it.")
    regions = any(isinstance(value, list) and len(value) > 1 for value in named.values())
    values = _region_values(dataset, named) if regions else _plain_values(named)
    names = dict(zip(values, named, strict=True))  # of two regions with one value, the later one
    fields = [
        {"value": value, "name": name, "color": default_color(value)}
        for value, name in sorted(names.items())
    ]
    return Labels(fields, values if regions else [0, *sorted(values)], regions)


def _plain_values(named: Mapping[str, Any]) -> list[int]:
    values = [value[0] if isinstance(value, list) and value else value for value in named.values()]
    if any(type(value) is not int for value in values) or sorted(values) != [
        *range(1, len(values) + 1)
    ]:
        raise damaged("The label values of dataset.json are not 0, 1, 2, ... without a gap.")
    return values


def _region_values(dataset: Mapping[str, Any], named: Mapping[str, Any]) -> list[int]:
    values = dataset.get("regions_class_order")
    if (
        not isinstance(values, list)
        or len(values) != len(named)
        or any(type(value) is not int or value < 1 for value in values)
    ):
        raise damaged(
            f"dataset.json has {len(named)} regions, and no regions_class_order with as many "
            "label values."
        )
    return list(values)


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels as card fields."""

    names: list[str]
    """As the data set states them, one for each channel of the network."""
    fields: list[dict[str, Any]]
    """`channels` of the card. An RGB image is one of them."""


def channels_of(dataset: Mapping[str, Any], *, images: bool, rgb: bool | None) -> Channels:
    """The channels. `rgb`: whether three channels come from one image; None: by their names."""
    key = "channel_names" if "channel_names" in dataset else "modality"
    stated = _mapping(dataset, key)
    try:
        names = [str(stated[number]) for number in sorted(stated, key=int)]
    except ValueError as error:
        raise damaged(f"{key} of dataset.json is not numbered: {error}.") from error
    if rgb is None:
        rgb = images and [name.casefold() for name in names] in _RGB
    if rgb:
        if len(names) != 3:
            raise unsupported(f"{len(names)} channels", "Three channels, for an RGB image.")
        return Channels(names, [{"name": "image", "components": 3, "description": "RGB image."}])
    return Channels(names, _fields(names))


def _fields(names: list[str]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    for name in names:
        plain = model_name(name)
        used = [field["name"] for field in fields]
        unique = plain if plain not in used else f"{plain[:60]}-{len(used) + 1}"
        fields.append({"name": unique, "description": f"{name}."})
    return fields


def _mapping(dataset: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = dataset.get(key) if isinstance(dataset, Mapping) else None
    if not isinstance(value, Mapping) or not value:
        raise damaged(f"dataset.json has no {key}.")
    return value


def short_name(dataset: str) -> str:
    """`Dataset004_Hippocampus` -> `Hippocampus`."""
    return re.sub(r"^Dataset\d+_", "", dataset)
