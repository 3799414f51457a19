"""Images drawn from label maps, of any contrast and resolution.

The SynthSeg recipe (Billot et al. 2023, doi:10.1016/j.media.2023.102789): each kind of tissue gets
a random mean and spread; then come the scanner's slices, its bias field and its noise. A network
that has seen nothing else has to go by shapes, and takes whatever contrast it is served.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from imaging.box import Box
from imaging.intensity import normalisation
from imaging.scan import in_memory
from models.training.augment import Example, intensities, positions
from models.training.config import TrainingConfig
from models.training.data import Case, split
from models.training.label_map import LabelMap, Tissues, read_maps, stripped, thickened, unfit
from models.training.smooth import smooth_field
from models.training.tables import Augmentation, Synthesis

_FIELD_MM = 60.0
"""Between the bias field's control points: receive coils are about that smooth."""
_HELD_OUT = 1
"""Parts their images' chance from that of the training's steps."""
_ABOUT = 0.06
"""How far a tissue's mean strays from what is common."""
_DEEPEST_MM = 4.0
"""Layer of fluid and the like that a stripped scan keeps around the brain, at most."""
_ON_BRAIN = 0.7
"""How often a window is laid on the brain, not anywhere on the head."""


class Drawn:
    """Examples drawn from label maps; held-out maps give the validation cases."""

    def __init__(self, config: TrainingConfig, root: Path) -> None:
        synthesis = config.synthesis
        if synthesis is None or config.card.spacing_mm is None:
            raise unfit("The configuration draws images but names no spacing for them.")
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
        where = one.brain if random.random() < _ON_BRAIN else Box.whole(one.head.shape[1:])
        grid, _ = positions(where.shape, size, 0, self._change, random)
        seen = looked_up(one.head, grid + torch.tensor(where.start))
        return Example(*self._image(seen, one.spacing_mm, self._output, self._change, random))

    def _case(self, one: LabelMap, random: Generator) -> Case:
        size = [
            round(n * own / theirs)
            for n, theirs, own in zip(
                one.head.shape[1:], self._spacing, one.spacing_mm, strict=True
            )
        ]
        image, label = self._image(one.head, one.spacing_mm, size, Augmentation(), random)
        return Case(one.name, image.numpy(), label.numpy().astype(np.int32))

    def _image(
        self,
        head: NDArray[np.uint8],
        spacing_mm: Sequence[float],
        size: Sequence[int],
        change: Augmentation,
        random: Generator,
    ) -> tuple[Tensor, Tensor]:
        """(1, *size) of one head's rows and depths, (2, i, j, k), normalised as when served, and
        the classes (*size)."""
        rows = head[0].astype(np.intp)
        if self._synthesis.thicken and random.random() < self._synthesis.thicken:
            rows = thickened(rows, self._tissues)
        strip = random.random() < self._synthesis.strip
        if strip:
            rows = stripped(rows, head[1], self._tissues, random.uniform(0, _DEEPEST_MM))
        values = tissue_values(rows, self._tissues, self._synthesis, random, dark=strip)
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


def looked_up(values: NDArray[np.uint8], grid: Tensor) -> NDArray[np.uint8]:
    """(c, *spatial) at the voxels nearest to positions (*window, dimension); 0 beyond."""
    places = grid.round().long().movedim(-1, 0).numpy()
    within = np.ones(places.shape[1:], bool)
    for axis, n in enumerate(values.shape[1:]):
        within &= (places[axis] >= 0) & (places[axis] < n)
        places[axis] = places[axis].clip(0, n - 1)
    return np.asarray(np.where(within, values[(slice(None), *places)], 0))


def tissue_values(
    rows: NDArray[np.intp], table: Tissues, change: Synthesis, random: Generator, *, dark: bool
) -> NDArray[np.float32]:
    """Each voxel's value, drawn from its tissue's normal distribution; means run from 0 to 1.

    `dark`: the background is nothing, as where a scan was stripped.
    """
    looks = int(table.look.max()) + 1
    mean, spread = random.uniform(0, 1, looks), random.uniform(0, change.spread, looks)
    if random.random() < change.common:
        known = table.contrasts[random.integers(len(table.contrasts))]
        known = known + _ABOUT * random.standard_normal(looks)
        mean = np.where(np.isnan(known), mean, known)
    if random.random() < 0.5:  # air, as most scanners show it
        mean[0], spread[0] = 0.0, 0.02
    if dark:
        mean[0], spread[0] = 0.0, 0.0
    means, spreads = (part[table.look].astype(np.float32) for part in (mean, spread))
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
