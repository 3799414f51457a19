"""The networks that nnU-Net trains for `benchmarks/nnunet_parity.py`: each needs another part."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import phantoms

ISOTROPIC = {"kernels": [[3] * 3] * 3, "strides": [[1] * 3, [2] * 3, [2] * 3], "patch": [28] * 3}
COARSE = {
    "kernels": [[1, 3, 3], [3] * 3, [3] * 3],
    "strides": [[1] * 3, [1, 2, 2], [2] * 3],
    "patch": [8, 32, 32],
}
FLAT = {"kernels": [[3] * 2] * 3, "strides": [[1] * 2, [2] * 2, [2] * 2], "patch": [48, 40]}


@dataclass(frozen=True)
class Case:
    """One data set and what nnU-Net trains on it."""

    make: Callable[[phantoms.Random], phantoms.Subject]
    labels: dict[str, Any]
    channels: tuple[str, ...] = ("MRI",)
    configurations: tuple[str, ...] = ("3d_fullres",)
    """In the order of training; the last one is what is imported."""
    topology: dict[str, Any] = field(default_factory=lambda: ISOTROPIC)
    planner: str = "ExperimentPlanner"
    folds: tuple[int | str, ...] = (0,)
    ending: str = ".nii.gz"
    regions_order: tuple[int, ...] = ()
    real: str = ""
    """Folder with images and labels that replaces the made ones, below `--data`, where present."""
    old_plans: bool = False
    """Rewrites plans.json as nnU-Net before 2.4 wrote it."""


TWO = {"background": 0, "outer": 1, "inner": 2}
CASES = {
    "hippocampus": Case(phantoms.mr, TWO, real="hippocampus", old_plans=True),
    "folds": Case(phantoms.mr, TWO, folds=(0, 1, 2)),
    "cells-2d": Case(
        phantoms.cells, {"background": 0, "cell": 1}, ("microscopy",), ("2d",), FLAT, ending=".png"
    ),
    "slices-2d": Case(phantoms.slices, TWO, configurations=("2d",), topology=FLAT),
    "coarse": Case(phantoms.coarse, TWO, topology=COARSE),
    "ct": Case(phantoms.ct, {**TWO, "ignore": 3}, ("CT",)),
    "channels": Case(phantoms.two_contrasts, TWO, ("T1", "T2")),
    "regions": Case(
        phantoms.tumour,
        {"background": 0, "whole tumour": [1, 2, 3], "core": [2, 3], "enhancing": 3},
        ("FLAIR",),
        regions_order=(1, 2, 3),
    ),
    "resenc": Case(phantoms.ct, {**TWO, "ignore": 3}, ("CT",), planner="nnUNetPlannerResEncM"),
    "cascade": Case(
        phantoms.ct, {**TWO, "ignore": 3}, ("CT",), ("3d_lowres", "3d_cascade_fullres"),
        folds=("all",),
    ),
}  # fmt: skip


def folder(root: Path, name: str, kind: str) -> Path:
    """The case's folder of a kind, such as `results`, in nnU-Net's layout."""
    return root / kind / f"Dataset{list(CASES).index(name) + 1:03d}_{name.replace('-', '_')}"
