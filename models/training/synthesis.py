"""Draws images of any contrast and resolution from label maps.

The SynthSeg method (Billot et al. 2023, doi:10.1016/j.media.2023.102789): each kind of tissue gets
a random mean and standard deviation; then slice thickness, bias field and noise are simulated. A
network that is trained only on such images relies on shapes and works with any contrast.
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
from models.training.label_map import LabelMap, Tissues, read_maps, stripped, thickened, unsuitable
from models.training.smooth import smooth_field
from models.training.tables import Augmentation, Synthesis

_FIELD_MM = 60.0
"""Distance between control points of the bias field, as smooth as that of receive coils."""
_HELD_OUT = 1
"""Separates the random numbers of validation images from those of training steps."""
_MEAN_DEVIATION = 0.06
"""Standard deviation of a tissue's mean from the common contrast."""
_DEEPEST_MM = 4.0
"""Largest layer of fluid and similar tissue that a stripped scan keeps around the brain."""
_ON_BRAIN = 0.7
"""Fraction of windows placed on the brain, instead of anywhere on the head."""


class Drawn:
    """Examples drawn from label maps; validation cases are drawn from the held-out maps."""

    def __init__(self, config: TrainingConfig, root: Path) -> None:
        synthesis = config.synthesis
        if synthesis is None or config.card.spacing_mm is None:
            raise unsuitable("The configuration has [synthesis], but its card has no spacing_mm.")
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
        """Implements `Examples.draw`; beyond the map is background, nothing is mirrored."""
        one = self._training[random.integers(len(self._training))]
        size = [
            round(n * target / own)
            for n, target, own in zip(self._output, self._spacing, one.spacing_mm, strict=True)
        ]
        where = one.brain if random.random() < _ON_BRAIN else Box.whole(one.head.shape[1:])
        grid, _ = positions(where.shape, size, 0, self._change, random)
        values = sampled(one.head, grid + torch.tensor(where.start))
        return Example(*self._image(values, one.spacing_mm, self._output, self._change, random))

    def _case(self, one: LabelMap, random: Generator) -> Case:
        size = [
            round(n * own / target)
            for n, target, own in zip(
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
        """An image (1, *size), normalised as in inference, and its classes (*size).

        `head`: the rows and depths of one head, (2, i, j, k).
        """
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
        values = image.numpy()
        normalised = normalisation(in_memory(values), self._card.value_rule).apply(values)
        places = [
            np.minimum((np.arange(n) + 0.5) * (m / n), m - 1).astype(np.intp)
            for n, m in zip(size, rows.shape, strict=True)
        ]
        target = self._tissues.target[rows[np.ix_(*places)]]
        return intensities(torch.from_numpy(normalised), change, random), torch.from_numpy(target)


def sampled(values: NDArray[np.uint8], grid: Tensor) -> NDArray[np.uint8]:
    """(c, *window): values (c, *spatial) nearest to positions (*window, dimension); 0 outside."""
    places = grid.round().long().movedim(-1, 0).numpy()
    within = np.ones(places.shape[1:], bool)
    for axis, n in enumerate(values.shape[1:]):
        within &= (places[axis] >= 0) & (places[axis] < n)
        places[axis] = places[axis].clip(0, n - 1)
    return np.asarray(np.where(within, values[(slice(None), *places)], 0))


def tissue_values(
    rows: NDArray[np.intp], table: Tissues, change: Synthesis, random: Generator, *, dark: bool
) -> NDArray[np.float32]:
    """A value for each voxel from its tissue's normal distribution; means are between 0 and 1.

    `dark`: the background is 0, as in a skull-stripped scan.
    """
    count = int(table.appearance.max()) + 1
    mean, spread = random.uniform(0, 1, count), random.uniform(0, change.spread, count)
    if random.random() < change.common:
        known = table.contrasts[random.integers(len(table.contrasts))]
        known = known + _MEAN_DEVIATION * random.standard_normal(count)
        mean = np.where(np.isnan(known), mean, known)
    if random.random() < 0.5:  # air, as in most scans
        mean[0], spread[0] = 0.0, 0.02
    if dark:
        mean[0], spread[0] = 0.0, 0.0
    means, spreads = (part[table.appearance].astype(np.float32) for part in (mean, spread))
    noise = random.standard_normal(rows.shape, dtype=np.float32)
    return np.asarray(means[rows] + spreads[rows] * noise)


def scanned(
    values: NDArray[np.float32],
    spacing_mm: Sequence[float],
    size: Sequence[int],
    change: Synthesis,
    random: Generator,
) -> Tensor:
    """(1, *size): the values with a random slice thickness, resampled to the network's grid."""
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
