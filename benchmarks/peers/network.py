"""Creates what all contenders need: one trained network for each runtime, and one image."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import nibabel
import nilearn
import numpy as np
import skimage.data
import skimage.io
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian

from models.export import export
from models.nets.unet import UNet
from models.training.checkpoint import network_of
from models.training.train import train

HERE = Path(__file__).parent
GRID = (160, 192, 160)
CORNER = (18, 20, 14)
"""First voxel of the volume in the template, which has 197 x 233 x 189 voxels."""
IMAGE_EDGE = 4096
"""Height and width of the image."""
DARK, SMOOTH = 0.55, 2.0
"""Brightness below which the smoothed image is labelled; width of the Gaussian in pixels."""


def prepare(folder: Path, dimension: int) -> None:
    """Writes `folder`/volume.npy, `folder`/models with one model, and `folder`/network.pt.

    Training the network takes a quarter of an hour; it is skipped if network.pt exists.
    """
    if (folder / "network.pt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    network, image = _volume(folder) if dimension == 3 else _image(folder)
    np.save(folder / "volume.npy", image.astype(np.float32))
    state = {"unet": asdict(network.config), "weights": network.state_dict()}
    torch.save(state, folder / "network.pt")


def _volume(folder: Path) -> tuple[UNet, NDArray[Any]]:
    volume, white = _template("t1"), (_template("wm") > 127.5).astype(np.uint8)
    return _trained(folder, "3d", volume, white), volume


def _image(folder: Path) -> tuple[UNet, NDArray[Any]]:
    """scikit-image's image of stained tissue in grey, mirrored to the full size."""
    grey = skimage.data.immunohistochemistry().mean(-1).astype(np.uint8)
    dark = gaussian(grey / 255, SMOOTH) < DARK
    network = _trained(folder, "2d", grey, dark.astype(np.uint8))
    return network, np.pad(grey, [(0, IMAGE_EDGE - n) for n in grey.shape], mode="reflect")


def _trained(folder: Path, kind: str, image: NDArray[Any], label: NDArray[Any]) -> UNet:
    images, labels = folder / "data" / "images", folder / "data" / "labels"
    for values, part in ((image, images), (label, labels)):
        part.mkdir(parents=True, exist_ok=True)
        for name in ("learnt", "held-out"):  # the same image: only speed is compared
            if image.ndim == 3:
                nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), part / f"{name}.nii.gz")
            else:
                skimage.io.imsave(part / f"{name}.png", values, check_contrast=False)
    best = train(HERE / f"network-{kind}.toml", folder / "run", print, data=folder / "data")
    export(best, folder / "models" / f"peers-{kind}")
    return network_of(torch.load(best, weights_only=True))


def _template(kind: str) -> NDArray[Any]:
    """The crop of the template, or of one of its maps, that all contenders segment."""
    (path,) = (Path(nilearn.__file__).parent / "datasets" / "data").glob(
        f"mni_icbm152_{kind}_*.nii.gz"
    )
    cut = tuple(slice(a, a + n) for a, n in zip(CORNER, GRID, strict=True))
    return np.asarray(nibabel.load(path).dataobj)[cut]
