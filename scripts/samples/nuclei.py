"""A drawing like fluorescence microscopy: bright ellipses, some touching, on a dark ground."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from scripts.samples.noise import smooth

SIZE, NUCLEI = 320, 70


def nuclei(path: Path) -> None:
    """Writes a grey PNG."""
    random, shape = np.random.default_rng(0), (SIZE, SIZE)
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    image = 12 + 4 * smooth(random, shape, 30)
    for _ in range(NUCLEI):
        r, c = random.uniform(0, SIZE, 2)
        long, short = random.uniform(7, 15, 2)
        angle = random.uniform(0, np.pi)
        along = (rows - r) * np.cos(angle) + (columns - c) * np.sin(angle)
        across = (columns - c) * np.cos(angle) - (rows - r) * np.sin(angle)
        edge = 1 / (1 + np.exp(12 * (np.hypot(along / long, across / short) - 1)))
        texture = 1 + 0.12 * smooth(random, shape, 2)
        image = np.maximum(image, random.uniform(40, 150) * edge * texture)
    image = ndimage.gaussian_filter(image, 0.8) + 2 * random.standard_normal(shape)
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path, optimize=True)
