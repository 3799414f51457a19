"""Cases in memory: normalised as in inference, and divided into training and validation."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.counted import counted
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.intensity import normalisation
from imaging.orientation import canonical, orientation
from imaging.scan import Scan, in_memory
from models.card_facts import CardFacts
from models.training.tables import Data, Loss
from models.training.weight_map import weight_map

SPACING_TOLERANCE = 0.02
"""Allowed relative difference of the spacing: less than a voxel over the length of a case."""


@dataclass(frozen=True, eq=False)
class Case:
    """One image and its labels."""

    name: str
    image: NDArray[np.float32]
    """(c, *spatial), normalised."""
    label: NDArray[np.int32]
    """(*spatial): label values, or object numbers."""
    weight: NDArray[np.float32] | None = None
    """(*spatial): weight of each voxel; None: all equal."""
    label_offset: tuple[float, ...] = ()
    """Displacement of the labels from the image, in voxels per axis."""

    @cached_property
    def labelled(self) -> Box | None:
        """The box of all voxels with a label; None if there is none."""
        return occupied(self.label)


def read_cases(data: Data, root: Path, card: CardFacts) -> list[Case]:
    """All cases of the folders, sorted by name; raises BadRequest if they cannot be used."""
    folders = [root / folder for folder in data.image_folders]
    if not folders:
        raise unsuitable("The configuration names no folder of images.")
    labels = {path.name: path for path in (root / data.labels).glob("*")}
    names = sorted(
        path.name
        for path in folders[0].glob("*")
        if path.name in labels and all((folder / path.name).is_file() for folder in folders)
    )
    if not names:
        raise BadRequest(
            "The data folder contains no cases.",
            expected="Images and labels with the same file names.",
            hint="Choose the folder that contains the configured folders of images and labels.",
        )
    return [
        _read([folder / name for folder in folders], labels[name], data, card) for name in names
    ]


def weighted(case: Case, data: Data, loss: Loss) -> Case:
    """The case with the weight map for its touching objects."""
    if data.target == "instances":
        shown, objects = classes(case.label), case.label
    else:
        shown, objects = case.label, np.asarray(ndimage.label(case.label == loss.objects)[0])
    weight = weight_map(
        shown, objects.astype(np.int32), loss.border, loss.sigma, balance=loss.balance
    )
    return replace(case, weight=weight)


class Named(Protocol):
    """Anything with a case's name, which can be held out."""

    @property
    def name(self) -> str:
        """The name of the case."""


C = TypeVar("C", bound=Named)


def split(cases: Sequence[C], data: Data, seed: int) -> tuple[list[C], list[C]]:
    """(training, validation): no patient is in both.

    Validation cases are those that are named, or those of the patients with the lowest hashes,
    until there are enough. Raises BadRequest if one side would be empty.
    """
    if isinstance(data.validation, tuple):
        named = set(data.validation)
        if missing := named - {case.name for case in cases}:
            names = counted(len(named), "name in `validation` does", "names in `validation` do")
            raise BadRequest(
                f"{len(missing)} of {names} not belong to a case.",
                expected="Names of cases: file names without their endings.",
                hint="Correct `validation`: otherwise these cases would be used for training.",
            )
        held = {patient(case, data) for case in cases if case.name in named}
    else:
        held = set()
        for case in sorted(cases, key=lambda case: _hash(patient(case, data), seed)):
            if sum(patient(other, data) in held for other in cases) >= data.validation:
                break
            held.add(patient(case, data))
    validation = [case for case in cases if patient(case, data) in held]
    training = [case for case in cases if patient(case, data) not in held]
    if not training or not validation:
        raise BadRequest(
            f"Held out for validation: {len(validation)} of {counted(len(cases), 'case')}.",
            expected="At least one case for validation, and one for training.",
            hint="Choose the folder with all cases, or correct `validation` and `patient`.",
        )
    return training, validation


def patient(case: Named, data: Data) -> str:
    """The patient of a case; raises BadRequest if the pattern does not match its name."""
    match = re.match(data.patient, case.name)
    if match is None or not match.groups():
        raise BadRequest(
            "The pattern `patient` does not match a case's name.",
            expected="A regular expression with a group, such as (.*)_slice.",
            hint="Correct `patient` in the configuration's [data].",
        )
    return match.group(1)


def classes(label: NDArray[np.int32]) -> NDArray[np.int32]:
    """Numbered objects -> 0 background, 1 inside, 2 rim (voxels next to any other value)."""
    size = 3
    lowest = ndimage.minimum_filter(label, size, mode="nearest")
    highest = ndimage.maximum_filter(label, size, mode="nearest")
    inside = lowest == highest
    return np.where(label == 0, 0, np.where(inside, 1, 2)).astype(np.int32)


def _read(images: Sequence[Path], label: Path, data: Data, card: CardFacts) -> Case:
    """`images`: one file for each channel, or one with the components of all."""
    reference = open_scan(label)
    truth = canonical(reference).scan
    values = [_channel(open_scan(image), reference, card) for image in images]
    if len(images) == len(card.channels):
        pairs = zip(values, card.channels, strict=True)
        values = [components(each, channel.components) for each, channel in pairs]
    image = np.concatenate(values)
    if len(image) != card.components:
        raise unsuitable(f"An image has {len(image)} components, not {card.components}.")
    shown = mapped(label_values(truth), data.classes)
    return Case(case_name(images[0]), image, shown, label_offset=data.label_offset)


def _channel(stored: Scan, reference: Scan, card: CardFacts) -> NDArray[np.float32]:
    """The values of a file, (components, *spatial), normalised."""
    scan, grid = canonical(stored).scan, canonical(reference).scan.grid
    if stored.dimension == 3 and orientation(stored.affine) != orientation(reference.affine):
        raise unsuitable("The axes of a label file have other directions than those of its image.")
    if scan.grid != grid:
        raise unsuitable(f"An image of {scan.grid} voxels has labels of {grid} voxels.")
    spacing = scan.spacing_mm or 0
    if card.spacing_mm and not np.allclose(spacing, card.spacing_mm, SPACING_TOLERANCE):
        raise unsuitable(
            f"An image has a spacing of {scan.spacing_mm} mm, the card {card.spacing_mm} mm."
        )
    whole = Box.whole(scan.grid)
    held = in_memory(scan.read(whole))
    return normalisation(held, card.value_rule).apply(held.read(whole))


def components(values: NDArray[np.float32], wanted: int) -> NDArray[np.float32]:
    """Values (c, *spatial) with as many components as a channel has; grey is repeated for RGB."""
    is_grey = len(values) == 1 and wanted > 1
    return np.repeat(values, wanted, axis=0) if is_grey else values


def case_name(path: Path) -> str:
    """The file name without its ending, as in `tessera evaluate`."""
    return path.name[:-7] if path.name.endswith(".nii.gz") else path.stem


def label_values(truth: Scan) -> NDArray[np.int32]:
    """All values of a label file; raises BadRequest if they are not label values."""
    values = truth.read(Box.whole(truth.grid))
    with np.errstate(invalid="ignore"):
        numbers = values.astype(np.int32)
    if len(values) != 1 or not np.array_equal(numbers, values) or numbers.min(initial=0) < 0:
        raise BadRequest(
            "A label file contains values that are not label values.",
            expected="Whole numbers from 0, in one component.",
            hint="Provide label maps, not probabilities or colours.",
        )
    return np.asarray(numbers[0])


def mapped(
    values: NDArray[np.int32], classes: Mapping[int, Sequence[int]] | None
) -> NDArray[np.int32]:
    """Values of label files -> classes; values without a class become 0."""
    if classes is None:
        return values
    mapped_values = np.zeros_like(values)
    for number, group in classes.items():
        mapped_values[np.isin(values, group)] = number
    return mapped_values


def occupied(label: NDArray[Any]) -> Box | None:
    """The smallest box of all voxels that are not 0; None if there is none."""
    ranges = []
    for axis in range(label.ndim):
        others = tuple(other for other in range(label.ndim) if other != axis)
        (places,) = np.nonzero(label.any(axis=others))
        if not len(places):
            return None
        ranges.append((int(places[0]), int(places[-1]) + 1))
    return Box(*zip(*ranges, strict=True))


def _hash(name: str, seed: int) -> bytes:
    return sha256(f"{seed}:{name}".encode()).digest()


def unsuitable(detail: str) -> BadRequest:
    """The error for data that do not fit the configuration."""
    return BadRequest(
        detail,
        expected="Images that fit the configuration's card, each with labels on its grid.",
        hint="Correct the data, or the card's spacing and channels.",
    )
