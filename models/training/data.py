"""Cases in memory: normalised as serving does, split by case."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.intensity import Recipe, normalisation
from imaging.scan import Scan
from models.training.config import Data


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One image and what is to be learnt from it."""

    name: str
    image: NDArray[np.float32]
    """(c, *spatial), normalised."""
    label: NDArray[np.int32]
    """(*spatial): label values, or object numbers."""


def in_memory(values: NDArray[np.generic]) -> Scan:
    """A scan of an array (c, *spatial), with no place in the world."""
    return Scan(
        shape=values.shape,
        dtype=values.dtype,
        affine=np.eye(4),
        spacing_mm=None,
        format="nifti",
        reader=lambda box: values[(slice(None), *box.slices)],
        stored_shape=values.shape,
    )


def read_cases(data: Data, root: Path, recipe: Recipe, components: int) -> list[Case]:
    """Every case of the folders, sorted by name; raises BadRequest where there are too few."""
    labels = {path.name: path for path in (root / data.labels).glob("*")}
    images = sorted(path for path in (root / data.images).glob("*") if path.name in labels)
    if len(images) <= data.validation:
        raise BadRequest(
            f"The data folder holds {len(images)} cases.",
            expected=f"More than the {data.validation} that are held out for validation.",
            todo="Name the folder that holds the configuration's images and labels.",
        )
    return [_read(path, labels[path.name], recipe, components) for path in images]


def split(cases: list[Case], held_out: int, seed: int) -> tuple[list[Case], list[Case]]:
    """(training, validation), the latter the `held_out` cases of least hash."""
    ranked = sorted(cases, key=lambda case: sha256(f"{seed}:{case.name}".encode()).digest())
    return ranked[held_out:], ranked[:held_out]


def classes(label: NDArray[np.int32]) -> NDArray[np.int32]:
    """Numbered objects -> 0 background, 1 inside, 2 rim: one voxel deep, next to anything else."""
    size = 3
    lowest = ndimage.minimum_filter(label, size, mode="nearest")
    highest = ndimage.maximum_filter(label, size, mode="nearest")
    inside = lowest == highest
    return np.where(label == 0, 0, np.where(inside, 1, 2)).astype(np.int32)


def _read(image: Path, label: Path, recipe: Recipe, components: int) -> Case:
    pixels, target = np.load(image), np.load(label)
    scan = in_memory(pixels)
    values = normalisation(scan, recipe).apply(scan.read(Box.whole(scan.grid)))
    values = np.repeat(values, components // values.shape[0], axis=0)
    return Case(image.name.split(".")[0], values, target[0].astype(np.int32))
