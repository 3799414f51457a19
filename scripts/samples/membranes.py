"""A drawing like electron microscopy: cells with dark walls and organelles."""

from pathlib import Path

import numpy as np
from PIL import Image

from scripts.samples.noise import smooth

SIZE = 384
CELLS, ORGANELLES = 90, 14


def membranes(path: Path) -> None:
    """Writes a grey PNG. Walls are where the two nearest cell centres are equally far."""
    random, shape = np.random.default_rng(0), (SIZE, SIZE)
    rows, columns = (
        axis + 10 * smooth(random, shape, 14) for axis in np.mgrid[:SIZE, :SIZE].astype(float)
    )
    centres = random.uniform(-30, SIZE + 30, (CELLS, 2))
    bonus = random.uniform(0, 500, CELLS)
    squared = [
        (rows - r) ** 2 + (columns - c) ** 2 - b for (r, c), b in zip(centres, bonus, strict=True)
    ]
    first, second = np.sqrt(np.maximum(np.sort(squared, 0)[:2], 0))
    wall = np.exp(-(((second - first) / 7) ** 2)) * (0.75 + 0.15 * smooth(random, shape, 12))
    image = 165 - 100 * wall
    for amount, sigma in ((14, 1.2), (8, 4), (8, 40)):
        image += amount * smooth(random, shape, sigma)
    for r, c in random.uniform(0, SIZE, (ORGANELLES, 2)):
        height, width = random.uniform(7, 12), random.uniform(7, 16)
        inside = np.hypot((rows - r) / height, (columns - c) / width) < 1
        image -= 45 * inside * (0.7 + 0.3 * smooth(random, shape, 1.5))
    Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(path, optimize=True)
