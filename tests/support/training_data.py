"""Small data to train on, made here: noisy volumes with one bright ball each."""

from pathlib import Path

import nibabel as nib
import numpy as np

CONFIG = """
seed = 1
[card]
name = "blob"
title = "Bright blobs"
channels = [{ name = "t1" }]
labels = [{ value = 1, name = "blob", color = "#ff0000" }]
outputs = [0, 1]
spacing_mm = [1.0, 1.0, 2.0]
intensity = { kind = "zscore" }
licence = "Apache-2.0"
[data]
images = "images"
labels = "labels"
validation = 2
[network]
dimension = 3
out_channels = 2
widths = [4, 8]
padding = "PADDING"
[augmentation]
rotation_degrees = 10
scale = 1.1
flips = [0, 1, 2]
brightness = 0.1
contrast = 0.1
gamma = 1.2
noise = 0.1
blur = 0.6
bias_field = 0.1
[optimisation]
steps = STEPS
batch = 2
output = [16, 16, 12]
learning_rate = 1e-2
averaging = 0.8
evaluate_every = 5
threads = 1
"""


def blobs(folder: Path, count: int = 6, spacing: tuple[float, ...] = (1.0, 1.0, 2.0)) -> Path:
    """Noisy volumes (16 x 18 x 12) with one bright ball each; every second one stored as LPS."""
    random = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*map(np.arange, (16, 18, 12)), indexing="ij"), -1)
    for number in range(count):
        ball = np.linalg.norm(grid - random.uniform(5, 8, 3), axis=-1) < 4
        image = 100 + 50 * ball + 5 * random.standard_normal(ball.shape)
        for kind, values in (("images", image.astype(np.float32)), ("labels", ball.astype("u1"))):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            volume = nib.Nifti1Image(values, np.diag((*spacing, 1.0)))
            if number % 2:
                flip = np.array([[0, -1], [1, -1], [2, 1]])
                volume = volume.as_reoriented(flip)
            nib.save(volume, folder / kind / f"{number}.nii.gz")
    return folder


def write_config(folder: Path, *, steps: int = 60, padding: str = "same") -> Path:
    path = folder / "config.toml"
    path.write_text(CONFIG.replace("STEPS", str(steps)).replace("PADDING", padding))
    return path
