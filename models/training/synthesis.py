"""Images drawn from label maps, of any contrast and resolution.

The SynthSeg recipe (Billot et al. 2023, doi:10.1016/j.media.2023.102789): each kind of tissue gets
a random mean and spread; then come the scanner's slices, its bias field and its noise. A network
that has seen nothing else has to go by shapes, and takes whatever contrast it is served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from imaging.box import Box
from imaging.errors import BadRequest
from imaging.formats.sniff import open_scan
from imaging.geometry import canonical
from imaging.intensity import normalisation
from models.training.augment import Example, intensities, positions, window
from models.training.config import Augmentation, Synthesis, TrainingConfig
from models.training.data import Case, case_name, in_memory, split
from models.training.smooth import smooth_field

_FIELD_MM = 60.0
"""Between the bias field's control points: receive coils are about that smooth."""
_HELD_OUT = 1
"""Parts their images' chance from that of the training's steps."""
_ABOUT = 0.06
"""How far a tissue's mean strays from what is common."""
_ON_BRAIN = 0.7
"""How often a window is laid on the brain, not anywhere on the head."""


@dataclass(frozen=True, slots=True, eq=False)
class Tissues:
    """What is known of each kind of tissue; a map's voxels are rows of this table."""

    look: NDArray[np.intp]
    """Rows of the same number look alike."""
    target: NDArray[np.int64]
    """The class that is to be learnt."""
    contrasts: NDArray[np.float64]
    """(contrasts, looks): means in common sequences; NaN where one is not known."""
    outside: NDArray[np.bool_]
    """Whether a stripped scan lacks it."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """One head: which tissue fills each voxel."""

    name: str
    rows: NDArray[np.uint8]
    """(i, j, k), RAS+, cut to what is not background."""
    spacing_mm: tuple[float, ...]
    brain: Box
    """Around what is to be learnt."""


class Drawn:
    """Examples drawn from label maps; held-out maps give the validation cases."""

    def __init__(self, config: TrainingConfig, root: Path) -> None:
        synthesis = config.synthesis
        if synthesis is None or config.card.spacing_mm is None:
            raise _unfit("The configuration draws images but names no spacing for them.")
        self._synthesis, self._card = synthesis, config.card
        self._spacing = config.card.spacing_mm
        self._change, self._output = config.augmentation, config.optimisation.output
        maps, self._tissues = read_maps(config, root)
        self._training, held_out = split(maps, config.data, config.seed)
        self.held_out = [
            self._case(one, np.random.default_rng((config.seed, number, _HELD_OUT)))
            for number in range(synthesis.images)
            for one in held_out
        ]

    def draw(self, random: Generator) -> Example:
        """As `Examples.draw`; nothing is mirrored: beyond the map is air."""
        one = self._training[random.integers(len(self._training))]
        size = [
            round(n * theirs / own)
            for n, theirs, own in zip(self._output, self._spacing, one.spacing_mm, strict=True)
        ]
        where = one.brain if random.random() < _ON_BRAIN else Box.whole(one.rows.shape)
        grid = positions(where.shape, size, 0, self._change, random) + torch.tensor(where.start)
        values = torch.from_numpy(one.rows.astype(np.float32))[None]
        rows = window(values, grid, "nearest", beyond="zeros")[0].numpy().astype(np.intp)
        return Example(*self._image(rows, one.spacing_mm, self._output, self._change, random))

    def _case(self, one: LabelMap, random: Generator) -> Case:
        size = [
            round(n * own / theirs)
            for n, theirs, own in zip(one.rows.shape, self._spacing, one.spacing_mm, strict=True)
        ]
        rows = one.rows.astype(np.intp)
        image, label = self._image(rows, one.spacing_mm, size, Augmentation(), random)
        return Case(one.name, image.numpy(), label.numpy().astype(np.int32))

    def _image(
        self,
        rows: NDArray[np.intp],
        spacing_mm: Sequence[float],
        size: Sequence[int],
        change: Augmentation,
        random: Generator,
    ) -> tuple[Tensor, Tensor]:
        """(1, *size) of one head's voxels, normalised as when served, and the classes (*size)."""
        values = tissue_values(rows, self._tissues, self._synthesis, random)
        image = scanned(values, spacing_mm, size, self._synthesis, random)
        bias = self._synthesis.bias * random.uniform()
        if bias:
            spacing = _FIELD_MM / min(self._spacing)
            image = image * torch.exp(bias * smooth_field(size, spacing, 1, random))
        held = image.numpy()
        served = normalisation(in_memory(held), self._card.intensity).apply(held)
        places = [
            np.minimum((np.arange(n) + 0.5) * (m / n), m - 1).astype(np.intp)
            for n, m in zip(size, rows.shape, strict=True)
        ]
        target = self._tissues.target[rows[np.ix_(*places)]]
        return intensities(torch.from_numpy(served), change, random), torch.from_numpy(target)


def read_maps(config: TrainingConfig, root: Path) -> tuple[list[LabelMap], Tissues]:
    """Every map of the folder, sorted by name; raises BadRequest where there are too few."""
    paths = sorted((root / config.data.labels).glob("*"))
    if len(paths) < 2:
        raise _unfit(f"The data folder holds {len(paths)} label maps.")
    stored = {case_name(path): _read(path) for path in paths}
    values = np.unique(np.concatenate([np.unique(found) for found, _ in stored.values()]))
    if len(values) > 256:
        raise _unfit(f"The label maps hold {len(values)} different values.")
    table, maps = tissues(values, config), []
    for name, (found, spacing) in stored.items():
        rows = np.searchsorted(values, found).astype(np.uint8)[_around(found != 0, 4).slices]
        brain = _around(table.target[rows] > 0, 0)
        maps.append(LabelMap(name, np.ascontiguousarray(rows), spacing, brain))
    return maps, table


def tissues(values: NDArray[np.int32], config: TrainingConfig) -> Tissues:
    """The table of these values of maps, sorted; the background comes first."""
    synthesis, classes = config.synthesis or Synthesis(), config.data.classes or {}
    first = {value: group[0] for group in synthesis.alike for value in group}
    kinds = [first.get(value, value) for value in values.tolist()]
    target = {value: number for number, group in classes.items() for value in group}
    if not classes:
        target = {value: value for value in values.tolist()}
    looks, look = np.unique(kinds, return_inverse=True)
    shared = [
        {first.get(value, value): mean for value, mean in known.items()}
        for known in synthesis.contrasts
    ]
    means = [[known.get(value, np.nan) for value in looks] for known in shared]
    return Tissues(
        look=look,
        contrasts=np.array(means, float).reshape(len(means), len(looks)),
        target=np.array([target.get(value, 0) for value in values.tolist()], np.int64),
        outside=np.isin(values, synthesis.outside),
    )


def tissue_values(
    rows: NDArray[np.intp], table: Tissues, change: Synthesis, random: Generator
) -> NDArray[np.float32]:
    """Each voxel's value, drawn from its tissue's normal distribution; means run from 0 to 1."""
    looks = int(table.look.max()) + 1
    mean, spread = random.uniform(0, 1, looks), random.uniform(0, change.spread, looks)
    if random.random() < change.common:
        known = table.contrasts[random.integers(len(table.contrasts))]
        known = known + _ABOUT * random.standard_normal(looks)
        mean = np.where(np.isnan(known), mean, known)
    if random.random() < 0.5:  # air, as most scanners show it
        mean[0], spread[0] = 0.0, 0.02
    means, spreads = (part[table.look].astype(np.float32) for part in (mean, spread))
    if random.random() < change.strip:
        means[table.outside | (np.arange(len(means)) == 0)] = 0.0
        spreads[table.outside | (np.arange(len(means)) == 0)] = 0.0
    noise = random.standard_normal(rows.shape, dtype=np.float32)
    return np.asarray(means[rows] + spreads[rows] * noise)


def scanned(
    values: NDArray[np.float32],
    spacing_mm: Sequence[float],
    size: Sequence[int],
    change: Synthesis,
    random: Generator,
) -> Tensor:
    """(1, *size): what a scanner of random slice thickness makes of it, on the network's grid."""
    image = torch.from_numpy(values)[None, None]
    if random.random() < 0.5:
        thickness = random.uniform(1, 2, 3) * np.asarray(spacing_mm)
        axis = int(random.integers(3))
        thickness[axis] = random.uniform(
            spacing_mm[axis], max(spacing_mm[axis], change.thickest_mm)
        )
        slices = [
            max(1, round(n * own / thick))
            for n, own, thick in zip(values.shape, spacing_mm, thickness, strict=True)
        ]
        image = interpolate(image, size=slices, mode="area")
    return interpolate(image, size=list(size), mode="trilinear")[0]


def _read(path: Path) -> tuple[NDArray[np.int32], tuple[float, ...]]:
    scan = canonical(open_scan(path)).scan
    if scan.spacing_mm is None or scan.dimension != 3:
        raise _unfit("A label map is no volume.")
    return scan.read(Box.whole(scan.grid))[0].astype(np.int32), scan.spacing_mm


def _around(inside: NDArray[np.bool_], margin: int) -> Box:
    """The box of what is inside, and a margin within the grid."""
    lines = [np.flatnonzero(inside.any(axis=(*{0, 1, 2} - {axis},))) for axis in range(3)]
    if not inside.any():
        return Box.whole(inside.shape)
    return Box(
        tuple(max(0, int(line[0]) - margin) for line in lines),
        tuple(
            min(n, int(line[-1]) + 1 + margin) for n, line in zip(inside.shape, lines, strict=True)
        ),
    )


def _unfit(came: str) -> BadRequest:
    return BadRequest(
        came,
        expected="Two or more label maps of up to 256 values, and a card with spacing_mm.",
        todo="Name such a folder in the configuration's [data], or leave [synthesis] out.",
    )
