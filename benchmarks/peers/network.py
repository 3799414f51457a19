"""Creates what all contenders need: one network of the zoo for each runtime, and one image."""

import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from imaging.box import Box
from imaging.intensity import normalisation
from imaging.scan import in_memory
from inference.sample_scans import sample_scans
from models.nets.unet import UNet
from models.registry import Model, Registry
from models.training.checkpoint import read_network
from models.training.tables import Network

CASES = {
    2: ("em-membrane-2d", (4096, 4096)),  # 24-48-96-192-256 channels
    3: ("brain-mri-3d", (160, 192, 160)),  # 16-32-64-128 channels
}
"""Dimension -> network of the zoo, and the size of the image that it segments."""


def prepare(folder: Path, name: str, grid: tuple[int, ...]) -> None:
    """Writes `folder`/volume.npy, `folder`/models with one model, and `folder`/network.pt.

    The image is the sample of the network `name`, mirrored at its ends, or cut, to the size
    `grid`.
    """
    model = Registry().network(name)
    (scan,) = sample_scans(model).values()
    sample = scan.read(Box.whole(scan.grid))[0]
    added = [(0, max(size - n, 0)) for size, n in zip(grid, sample.shape, strict=True)]
    mirrored = np.pad(sample, added, mode="symmetric").astype(np.float32)
    volume = mirrored[tuple(slice(size) for size in grid)]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "volume.npy", volume)
    _copy(model, folder / "models")
    network = torch_network(model)
    intensity = normalisation(in_memory(volume[None]), model.card.intensity)
    torch.save(
        {
            "unet": asdict(network.config),
            "weights": network.state_dict(),
            "shift": intensity.shift,
            "scale": intensity.scale,
        },
        folder / "network.pt",
    )


def torch_network(model: Model) -> UNet:
    """A network of the zoo as a torch module, with the weights in its ONNX file."""
    config = Network.model_validate(model.card.training.config["network"])
    return read_network(model.network, config.unet())


def _copy(model: Model, models: Path) -> None:
    """The model without post-processing, which the others do not have."""
    shutil.rmtree(models, ignore_errors=True)
    copy = models / model.card.name
    shutil.copytree(model.folder, copy)
    model.card.model_copy(update={"postprocessing": ()}).save(copy / "card.json")
