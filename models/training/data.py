"""Cases in memory: normalised as serving does, split by case."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.geometry import canonical, orientation
from imaging.intensity import normalisation
from imaging.scan import Scan, in_memory
from models.card_facts import CardFacts
from models.training.tables import Data, Loss
from models.training.weight_map import weight_map

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
    weight: NDArray[np.float32] | None = None
    """(*spatial): how much each voxel counts; None: all alike."""
    label_offset: tuple[float, ...] = ()
    """Where labels lie, in voxels along each axis, from what they label."""


def read_cases(data: Data, root: Path, card: CardFacts) -> list[Case]:
    """Every case of the folders, sorted by name; raises BadRequest where they do not serve."""
    if data.images is None:
        raise _unfit("The configuration names no images.")
    labels = {path.name: path for path in (root / data.labels).glob("*")}
    images = sorted(path for path in (root / data.images).glob("*") if path.name in labels)
    if not images:
        raise BadRequest(
            "The data folder holds no cases.",
            expected="Images and labels that bear the same file names.",
            hint="Name the folder that holds the configuration's images and labels.",
        )
    return [_read(path, labels[path.name], data, card) for path in images]


def weighted(case: Case, data: Data, loss: Loss) -> Case:
    """The case with the weight map of its touching objects."""
    if data.target == "instances":
        shown, objects = classes(case.label), case.label
    else:
        shown, objects = case.label, np.asarray(ndimage.label(case.label == loss.objects)[0])
    weight = weight_map(
        shown, objects.astype(np.int32), loss.border, loss.sigma, balance=loss.balance
    )
    return replace(case, weight=weight)


class Named(Protocol):
    """Whatever can be held out."""

    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Named)


def split(cases: Sequence[C], data: Data, seed: int) -> tuple[list[C], list[C]]:
    """(training, validation): no patient lies on both sides.

    The latter are the cases that are named, or those of the patients of least hash, as many as it
    takes. Raises BadRequest where nothing would be left to learn from.
    """
    if isinstance(data.validation, tuple):
        named = set(data.validation)
        if lacking := named - {case.name for case in cases}:
            raise BadRequest(
                f"{len(lacking)} of {len(named)} names in `validation` are no case's.",
                expected="Names of cases: those of the files, without their endings.",
                hint="Mend `validation`; what it misses would be learnt from.",
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
            f"Of {len(cases)} cases, {len(validation)} are held out for validation.",
            expected="At least one case held out, and one left to learn from.",
            hint="Name the folder that holds the cases, or mend `validation` and `patient`.",
        )
    return training, validation


def patient(case: Named, data: Data) -> str:
    """Whose case it is; BadRequest where the pattern finds nobody in its name."""
    found = re.match(data.patient, case.name)
    if found is None or not found.groups():
        raise BadRequest(
            "The pattern `patient` finds nobody in a case's name.",
            expected="A pattern with a group, such as (.*)_slice.",
            hint="Mend `patient` in the configuration's [data].",
        )
    return found.group(1)


def classes(label: NDArray[np.int32]) -> NDArray[np.int32]:
    """Numbered objects -> 0 background, 1 inside, 2 rim: one voxel deep, next to anything else."""
    size = 3
    lowest = ndimage.minimum_filter(label, size, mode="nearest")
    highest = ndimage.maximum_filter(label, size, mode="nearest")
    inside = lowest == highest
    return np.where(label == 0, 0, np.where(inside, 1, 2)).astype(np.int32)


def _read(image: Path, label: Path, data: Data, card: CardFacts) -> Case:
    stored, reference = open_scan(image), open_scan(label)
    scan, truth = canonical(stored).scan, canonical(reference).scan
    if stored.dimension == 3 and orientation(stored.affine) != orientation(reference.affine):
        raise _unfit("A label file's axes run along other directions than its image's.")
    if scan.grid != truth.grid:
        raise _unfit(f"An image of {scan.grid} voxels has labels of {truth.grid}.")
    spacing = scan.spacing_mm or 0
    if card.spacing_mm and not np.allclose(spacing, card.spacing_mm, SPACING_TOLERANCE):
        raise _unfit(f"An image has a spacing of {scan.spacing_mm} mm.")
    whole = Box.whole(scan.grid)
    held = in_memory(scan.read(whole))
    values = normalisation(held, card.intensity).apply(held.read(whole))
    colours = len(card.channels) == 1 and values.shape[0] == 1  # grey, where colour may be asked
    if values.shape[0] != card.components and not colours:
        raise _unfit(f"An image has {values.shape[0]} components of {card.components}.")
    values = np.repeat(values, card.components // values.shape[0], axis=0)
    shown = mapped(label_values(truth), data.classes)
    return Case(case_name(image), values, shown, label_offset=data.label_offset)


def case_name(path: Path) -> str:
    """The file's name without its ending, as `tessera evaluate` names the case too."""
    return path.name[:-7] if path.name.endswith(".nii.gz") else path.stem


def label_values(truth: Scan) -> NDArray[np.int32]:
    """All of a file's values; BadRequest where they are no label numbers."""
    values = truth.read(Box.whole(truth.grid))
    with np.errstate(invalid="ignore"):
        numbers = values.astype(np.int32)
    if len(values) != 1 or not np.array_equal(numbers, values) or numbers.min(initial=0) < 0:
        raise BadRequest(
            "A label file holds what are no label numbers.",
            expected="Whole numbers from 0, in one component.",
            hint="Give label maps: neither probabilities nor colours.",
        )
    return np.asarray(numbers[0])


def mapped(
    values: NDArray[np.int32], classes: Mapping[int, Sequence[int]] | None
) -> NDArray[np.int32]:
    """The files' values -> classes; what no class stands for is 0."""
    if classes is None:
        return values
    found = np.zeros_like(values)
    for number, group in classes.items():
        found[np.isin(values, group)] = number
    return found


def _hash(name: str, seed: int) -> bytes:
    return sha256(f"{seed}:{name}".encode()).digest()


def _unfit(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="Images that suit the configuration's card, each with labels on its grid.",
        hint="Mend the data, or the card's spacing and channels.",
    )
