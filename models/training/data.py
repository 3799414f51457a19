"""Cases in memory: normalised as serving does, split by case."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.geometry import canonical
from imaging.intensity import normalisation
from imaging.scan import Scan
from models.training.config import CardFacts, Data

SPACING_TOLERANCE = 0.02
"""Of the spacing: less than a voxel over the length of a case."""


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


def read_cases(data: Data, root: Path, card: CardFacts) -> list[Case]:
    """Every case of the folders, sorted by name; raises BadRequest where they do not serve."""
    labels = {path.name: path for path in (root / data.labels).glob("*")}
    images = sorted(path for path in (root / data.images).glob("*") if path.name in labels)
    if len(images) <= data.validation:
        raise BadRequest(
            f"The data folder holds {len(images)} cases.",
            expected=f"More than the {data.validation} that are held out for validation.",
            todo="Name the folder that holds the configuration's images and labels.",
        )
    return [_read(path, labels[path.name], card) for path in images]


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


def _read(image: Path, label: Path, card: CardFacts) -> Case:
    scan, truth = (canonical(open_scan(path)).scan for path in (image, label))
    if scan.grid != truth.grid:
        raise _unfit(f"An image of {scan.grid} voxels has labels of {truth.grid}.")
    spacing = scan.spacing_mm or 0
    if card.spacing_mm and not np.allclose(spacing, card.spacing_mm, SPACING_TOLERANCE):
        raise _unfit(f"An image has a spacing of {scan.spacing_mm} mm.")
    whole = Box.whole(scan.grid)
    held = in_memory(scan.read(whole))
    values = normalisation(held, card.intensity).apply(held.read(whole))
    components = sum(channel.components for channel in card.channels)
    if values.shape[0] not in (1, components):
        raise _unfit(f"An image has {values.shape[0]} components.")
    values = np.repeat(values, components // values.shape[0], axis=0)
    return Case(image.name.split(".")[0], values, truth.read(whole)[0].astype(np.int32))


def _unfit(came: str) -> BadRequest:
    return BadRequest(
        came,
        expected="Images that suit the configuration's card, each with labels on its grid.",
        todo="Mend the data, or the card's spacing and channels.",
    )
