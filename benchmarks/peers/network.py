"""Makes what all contenders need: one trained network in each runtime's form, and one image."""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import nibabel
import nilearn
import numpy as np
import skimage.data
import torch
from numpy.typing import NDArray

from models.export import export
from models.nets.onnx_file import weights_of
from models.nets.unet import UNet
from models.registry import Registry
from models.training.checkpoint import network_of
from models.training.tables import Network
from models.training.train import train

CONFIG = Path(__file__).parent / "network.toml"
GRID = (160, 192, 160)
CORNER = (18, 20, 14)
"""Of the volume in the template, 197 x 233 x 189."""
PICTURES, PICTURE = "em-membrane-2d", 4096
"""The model that pictures go through, and their height and width."""


def prepare(folder: Path, dimension: int) -> None:
    """Leaves `folder`/volume.npy, `folder`/models with one model, and `folder`/network.pt.

    A volume's network is trained, which takes some minutes, unless that was done before; a
    picture's is that of the zoo which takes one channel.
    """
    if (folder / "network.pt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    network, image = _volume(folder) if dimension == 3 else _picture(folder)
    np.save(folder / "volume.npy", image.astype(np.float32))
    state = {"unet": asdict(network.config), "weights": network.state_dict()}
    torch.save(state, folder / "network.pt")


def _volume(folder: Path) -> tuple[UNet, NDArray[Any]]:
    images, labels = folder / "data" / "images", folder / "data" / "labels"
    volume, white = _template("t1"), (_template("wm") > 127.5).astype(np.uint8)
    for values, part in ((volume, images), (white, labels)):
        part.mkdir(parents=True, exist_ok=True)
        for name in ("learnt", "held-out"):  # the same: it is speed that is compared
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), part / f"{name}.nii.gz")
    best = train(CONFIG, folder / "run", print, data=folder / "data")
    export(best, folder / "models" / "peers-3d")
    return network_of(torch.load(best, weights_only=True)), volume


def _picture(folder: Path) -> tuple[UNet, NDArray[Any]]:
    """scikit-image's stained picture, grey and mirrored until it is large enough."""
    model = Registry().get(PICTURES)
    shutil.copytree(model.folder, folder / "models" / PICTURES)
    told = model.card.training.config["network"]
    network = UNet(Network.model_validate(told).unet())
    network.load_state_dict(weights_of(model.network))
    grey = skimage.data.immunohistochemistry().mean(-1)
    return network, np.pad(grey, [(0, PICTURE - n) for n in grey.shape], mode="reflect")


def _template(kind: str) -> NDArray[Any]:
    """The part of the template that is compared on, or of its map of that kind."""
    (path,) = (Path(nilearn.__file__).parent / "datasets" / "data").glob(
        f"mni_icbm152_{kind}_*.nii.gz"
    )
    cut = tuple(slice(a, a + n) for a, n in zip(CORNER, GRID, strict=True))
    return np.asarray(nibabel.load(path).dataobj)[cut]
