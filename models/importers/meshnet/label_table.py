"""The labels of a MeshNet: colormap.json, or labels.json, beside the network."""

from pathlib import Path
from typing import Any

from imaging.label_codes import default_color
from models.importers.json_file import json_or_none
from models.importers.meshnet.refusals import damaged

Labels = list[dict[str, Any]]


def read_labels(folder: Path, outputs: int) -> Labels | None:
    """`value`, `name` and `color` of each output but the first, background; None without a file.

    Raises BadModel where the file does not describe `outputs` labels.
    """
    colormap = json_or_none(folder / "colormap.json")
    if isinstance(colormap, dict) and "labels" in colormap:
        return _checked(_of_colormap(colormap), outputs, "colormap.json")
    names = json_or_none(folder / "labels.json")
    if isinstance(names, dict):
        rows = [(str(names.get(str(n), f"label {n}")), default_color(n)) for n in range(len(names))]
        return _checked(rows, outputs, "labels.json")
    return None


def numbered_labels(outputs: int) -> Labels:
    """Labels without names of their own."""
    return _checked([(f"label {n}", default_color(n)) for n in range(outputs)], outputs, "")


def _of_colormap(colormap: dict[str, Any]) -> list[tuple[str, str]]:
    """NiiVue's form: one list for each of R, G and B, and one of names."""
    names = [str(name).replace("-", " ").replace("_", " ") for name in colormap["labels"]]
    try:
        levels = [[int(level) for level in colormap[part]] for part in "RGB"]
        colors = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in zip(*levels, strict=True)]
        return list(zip(names, colors, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged("colormap.json does not have one colour for each label.") from error


def _checked(rows: list[tuple[str, str]], outputs: int, file: str) -> Labels:
    if len(rows) != outputs:
        raise damaged(f"{file} describes {len(rows)} labels; the network has {outputs} outputs.")
    return [
        {"value": value, "name": name, "color": color}
        for value, (name, color) in enumerate(rows)
        if value > 0
    ]
