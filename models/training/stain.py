"""Simulates light microscopy of immunostained tissue from other images of nuclei.

Stains absorb light by the Beer-Lambert law: the image is exp(-sum of density * colour).
Haematoxylin is in the nuclei; DAB, which is brown, is around them in patches.
Colours: Ruifrok and Johnston 2001, Quantification of histochemical staining by color deconvolution.
"""

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

HAEMATOXYLIN = np.array([0.65, 0.70, 0.29], np.float32)
DAB = np.array([0.27, 0.57, 0.78], np.float32)
"""Optical densities in red, green and blue light."""
_DARKEST = 0.05


def immunostained(image: Tensor, objects: Tensor, random: Generator) -> Tensor:
    """A stained image (3, i, j) of the nuclei in `image`, with values from about 0 to 1.

    `image`: (3, i, j), about 0 to 1. `objects`: object numbers (i, j). Grey nuclei on a dark
    background are first stained blue; others keep their colours.
    """
    values = image.numpy()
    inside = gaussian_filter((objects.numpy() > 0).astype(np.float32), 0.7)
    if np.median(values) < 0.4:
        nuclei = np.clip(values.mean(0), 0, 1.2) * random.uniform(0.3, 1.6)
        density = nuclei * _varied(HAEMATOXYLIN, random)
    else:
        density = -np.log(np.clip(values, _DARKEST, 1))
    grid = inside.shape
    patches = 1 / (1 + np.exp(-4 * (_texture(grid, random.uniform(8, 30), random) + 0.3)))
    grain = np.clip(1 + 0.4 * _texture(grid, random.uniform(0.7, 4), random), 0, None)
    around = 1 - random.uniform(0.6, 1.0) * inside
    density = density + random.uniform(0.1, 1.5) * patches * grain * around * _varied(DAB, random)
    pale = random.uniform(0, 0.2) * np.clip(_texture(grid, random.uniform(1, 4), random), 0, None)
    density = density + pale * _varied(HAEMATOXYLIN, random)
    light = np.exp(-density)
    low, high = np.percentile(light, (0.5, 99.5))
    return torch.from_numpy(((light - low) / max(high - low, 1e-3)).astype(np.float32))


def _texture(grid: tuple[int, ...], size: float, random: Generator) -> NDArray[np.float32]:
    """Smooth noise, mean 0 and standard deviation 1; `size`: width of its Gaussian in pixels."""
    noise = gaussian_filter(random.standard_normal(grid, dtype=np.float32), size, mode="wrap")
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-6), np.float32)


def _varied(colour: NDArray[np.float32], random: Generator) -> NDArray[np.float32]:
    """(3, 1, 1): the stain with small random variations, as between slides."""
    varied = colour * random.uniform(0.8, 1.25, 3)
    return varied.astype(np.float32)[:, None, None]
