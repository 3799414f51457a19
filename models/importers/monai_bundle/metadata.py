"""configs/metadata.json: channels, labels and texts for the card. Torch-free."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imaging.label_codes import default_color
from models.importers.licence import licence_beside
from models.importers.names import model_name


def formats(metadata: Mapping[str, Any], end: str) -> Mapping[str, Any]:
    """What is stated about the network's only image of `inputs` or `outputs`; empty: nothing."""
    stated = _mapping(_mapping(metadata, "network_data_format"), end)
    images = [one for one in stated.values() if isinstance(one, Mapping)]
    return (
        images[0] if len(images) == 1 else _mapping(stated, "image" if end == "inputs" else "pred")
    )


def channel_fields(
    metadata: Mapping[str, Any], loaded: list[str], count: int, axes: int
) -> list[dict[str, Any]]:
    """`channels` of the card: of `count` input channels. `loaded`: the images of the bundle."""
    stated = formats(metadata, "inputs")
    modality = str(stated.get("modality", "")).strip()
    description = f"{modality}." if modality else ""
    if axes == 2 and count == 3 and len(loaded) == 1:
        return [{"name": "image", "components": 3, "description": description}]
    if count == 1:
        return [{"name": model_name(modality) if modality else "image", "description": description}]
    names = _names(stated, count)
    if names is None:
        names = loaded if len(loaded) == count else [f"channel-{n}" for n in range(count)]
    unique = [model_name(name) for name in names]
    if len(set(unique)) < count:
        unique = [f"{name}-{n}" for n, name in enumerate(unique)]
    return [
        {"name": one, "description": f"{modality} {name}.".strip()}
        for one, name in zip(unique, names, strict=True)
    ]


def label_fields(metadata: Mapping[str, Any], values: Mapping[int, int]) -> list[dict[str, Any]]:
    """`labels` of the card. `values`: output of the network -> label, without background."""
    stated = _mapping(formats(metadata, "outputs"), "channel_def")
    return [
        {
            "value": value,
            "name": str(stated.get(str(output)) or f"label {value}"),
            "color": default_color(value),
        }
        for output, value in sorted(values.items(), key=lambda pair: pair[1])
    ]


def has_label_names(metadata: Mapping[str, Any], outputs: int) -> bool:
    """Whether every output has a name."""
    return _names(formats(metadata, "outputs"), outputs) is not None


def text_fields(metadata: Mapping[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """Name, title and other texts of the card. `name`: of the source's folder or file."""
    texts = {
        "name": model_name(name.replace("_", "-")),
        "title": str(metadata.get("name") or name),
        "description": str(metadata.get("description") or metadata.get("task") or ""),
        "version": str(metadata.get("version") or "1"),
        "data": str(metadata.get("data_source") or ""),
        "intended_use": str(metadata.get("intended_use") or ""),
        "licence": licence_beside(folder) or "",
    }
    return {field: text for field, text in texts.items() if text}


def _names(stated: Mapping[str, Any], count: int) -> list[str] | None:
    """The names of channels 0 to `count` - 1, if all of them are stated."""
    defined = _mapping(stated, "channel_def")
    names = [str(defined.get(str(n)) or "") for n in range(count)]
    return names if all(names) else None


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    return value if isinstance(value, Mapping) else {}
