"""Draws examples from cases: a window, rotated, scaled and deformed, with changed intensities.

Beyond its edge a case is mirrored, as for tiles in inference.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from monai.networks.layers.simplelayers import GaussianFilter
from monai.transforms.intensity.array import RandBiasField
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import grid_sample

from imaging.box import Box
from models.training.cut_out import cut_out
from models.training.data import Case
from models.training.smooth import smooth_field
from models.training.stain import immunostained
from models.training.tables import Augmentation

_FINEST = 0.3
"""Smallest blur, in voxels: a narrower kernel does not change the image."""


def window(values: Tensor, grid: Tensor, mode: str) -> Tensor:
    """(c, *spatial) sampled at voxel positions (*window, dimension), mirrored beyond the edge."""
    last = torch.tensor(values.shape[1:]).clamp(min=2) - 1
    places = (2 * grid / last - 1).flip(-1)  # grid_sample expects -1..1, last axis first
    return grid_sample(
        values[None], places[None], mode=mode, padding_mode="reflection", align_corners=True
    )[0]


def positions(
    spatial: Sequence[int],
    output: Sequence[int],
    halo: int,
    change: Augmentation,
    random: Generator,
    where: Box | None = None,
) -> tuple[Tensor, Tensor]:
    """Random sampling positions of a window, (*output + 2 halo, dimension), in voxels of the case,
    and the window's rotation and scale, (dimension, dimension).

    `where`: the window's centre is in this box; None: the window is anywhere in the case.
    """
    size = [n + 2 * halo for n in output]
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in size]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    matrix = torch.from_numpy(_matrix(len(size), change, random))
    centre = _centre(spatial, output, random) if where is None else _inside(where, random)
    places = offsets @ matrix.T + torch.from_numpy(centre)
    if change.elastic:
        displacement = smooth_field(size, change.elastic_spacing, len(size), random)
        places += change.elastic * displacement.movedim(0, -1)
    return places, matrix


def intensities(image: Tensor, change: Augmentation, random: Generator) -> Tensor:
    """Random changes of the intensities of an image (c, *spatial)."""
    if change.bias_field:
        field = RandBiasField(prob=0.5, coeff_range=(-change.bias_field, change.bias_field))
        field.set_random_state(int(random.integers(1 << 31)))
        image = torch.as_tensor(field(image)).as_subclass(Tensor)  # MONAI's MetaTensor is slow
    image = _colours(image, change, random)
    if change.gamma > 1 and random.random() < 0.5:
        image = _gamma(image, change.gamma ** random.uniform(-1, 1))
    if change.fade and random.random() < 0.5:
        median = image.flatten(1).median(1).values.view(-1, *(1,) * (image.ndim - 1))
        image = torch.lerp(image, median, change.fade * random.uniform())
    image = image * (1 + change.contrast * random.uniform(-1, 1))
    image = image + change.brightness * random.uniform(-1, 1)
    if change.blur > _FINEST and random.random() < 0.3:
        blur = GaussianFilter(image.ndim - 1, random.uniform(_FINEST, change.blur))
        image = blur(image[None])[0]
    if change.noise and random.random() < 0.5:
        strength = random.uniform(0, change.noise)
        image = image + strength * torch.from_numpy(
            random.standard_normal(image.shape, dtype=np.float32)
        )
    return image


class Example(NamedTuple):
    """One training example."""

    image: Tensor
    """(c, *output + 2 halo), or (c, *output) if the network pads."""
    classes: Tensor
    """(*output), int64."""
    weight: Tensor | None = None
    """(*output): weight of each voxel; None: all equal."""


def example(
    case: Case,
    output: Sequence[int],
    halo: int,
    change: Augmentation,
    random: Generator,
    where: Box | None = None,
) -> Example:
    """A random window of the case; its classes are the case's label values, unchanged.

    `where`: as for `positions`.
    """
    grid, matrix = positions(case.label.shape, output, halo, change, random, where)
    case, grid = cut_out(case, grid)
    image = window(torch.from_numpy(case.image), grid, "bilinear")
    if any(case.label_offset):
        grid = grid + _constant_offset(torch.tensor(case.label_offset, dtype=torch.float32), matrix)
    inner = grid[tuple(slice(halo, halo + n) for n in output)]
    label = torch.from_numpy(case.label.astype(np.float32))[None]
    if change.stain and random.random() < change.stain:
        image = immunostained(image, window(label, grid, "nearest")[0], random)
    weight = None
    if case.weight is not None:
        weight = window(torch.from_numpy(case.weight)[None], inner, "bilinear")[0]
    return Example(
        intensities(image, change, random), window(label, inner, "nearest")[0].long(), weight
    )


def _constant_offset(offset: Tensor, matrix: Tensor) -> Tensor:
    """The correction that keeps the displacement of the labels constant when a window is
    rotated."""
    return offset - matrix @ offset


def _matrix(dimension: int, change: Augmentation, random: Generator) -> np.ndarray:
    """Random rotation, flips and scales about the window's centre, (dimension, dimension)."""
    scale = change.scale ** random.uniform(-1, 1)
    sizes = scale * change.stretch ** random.uniform(-1, 1, dimension)
    signs = [-1 if a in change.flips and random.random() < 0.5 else 1 for a in range(dimension)]
    matrix = np.diag(sizes * signs)
    planes = list(combinations(range(dimension), 2))
    limits = np.broadcast_to(change.rotation_degrees, len(planes))
    for (a, b), degrees in zip(planes, limits, strict=True):
        angle = np.radians(degrees * random.uniform(-1, 1))
        rotation = np.eye(dimension)
        rotation[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle),
        )  # fmt: skip
        matrix = matrix @ rotation
    return matrix.astype(np.float32)


def _centre(spatial: Sequence[int], output: Sequence[int], random: Generator) -> np.ndarray:
    """A random centre: the output covers the case or is inside it, with a margin of a tenth."""
    spread = [max(abs(n - w) / 2, n / 10) for n, w in zip(spatial, output, strict=True)]
    return np.array(
        [(n - 1) / 2 + random.uniform(-s, s) for n, s in zip(spatial, spread, strict=True)],
        dtype=np.float32,
    )


def _inside(box: Box, random: Generator) -> np.ndarray:
    """A random place in the box."""
    sides = zip(box.start, box.stop, strict=True)
    return np.array([random.uniform(a, b - 1) for a, b in sides], dtype=np.float32)


def _gamma(image: Tensor, power: float) -> Tensor:
    low, high = image.min(), image.max()
    span = (high - low).clamp(min=1e-6)
    return ((image - low) / span) ** power * span + low


def _colours(image: Tensor, change: Augmentation, random: Generator) -> Tensor:
    """Makes an image grey, inverts it or changes its colours; for values from about 0 to 1."""
    if change.grey and random.random() < change.grey:
        image = image.mean(0, keepdim=True).expand_as(image)
    if change.invert and random.random() < change.invert:
        image = 1 - image
    if change.colour:
        image = image[torch.from_numpy(random.permutation(len(image)))]
        gains = 1 + change.colour * random.uniform(-1, 1, (len(image),) + (1,) * (image.ndim - 1))
        image = image * torch.from_numpy(gains.astype(np.float32))
    return image
