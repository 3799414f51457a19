"""Dice that nnU-Net measured on each fold's validation cases. Torch-free."""

from collections.abc import Callable, Container, Mapping, Sequence
from math import isfinite
from statistics import mean
from typing import Any


def figures_of(
    read: Callable[[str], Any], names: Container[str], folds: Sequence[str]
) -> dict[str, Any]:
    """The card's `figures` from the summaries of these folds; nothing where a fold has none."""
    files = [f"fold_{fold}/validation/summary.json" for fold in folds]
    if not all(name in names for name in files):
        return {}
    figures: dict[str, list[float]] = {}
    for summary in map(read, files):
        for name, value in _dice(summary).items():
            figures.setdefault(name, []).append(value)
    return {"figures": {name: round(mean(values), 4) for name, values in figures.items()}}


def _dice(summary: Any) -> dict[str, float]:
    if not isinstance(summary, Mapping):
        return {}
    labels = summary.get("mean")
    by_label = labels if isinstance(labels, Mapping) else {}
    stated = {f"dice_{label}": row for label, row in by_label.items()}
    stated["dice"] = summary.get("foreground_mean")
    return {
        name: float(row["Dice"])
        for name, row in stated.items()
        if isinstance(row, Mapping)
        and isinstance(row.get("Dice"), (int, float))
        and isfinite(row["Dice"])
        and not name.startswith("dice_(")
    }
