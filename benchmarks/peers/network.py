"""Makes what all contenders need: one trained network in each runtime's form, and one volume."""

from pathlib import Path

import nibabel
import nilearn
import numpy as np
import torch

from models.export import export
from models.training.checkpoint import network_of
from models.training.train import train

CONFIG = Path(__file__).parent / "network.toml"
GRID = (160, 192, 160)
CORNER = (18, 20, 14)
"""Of the volume in the template, 197 x 233 x 189."""


def prepare(folder: Path) -> None:
    """Leaves `folder`/volume.npy, `folder`/peers-3d (ONNX and card) and `folder`/network.pt.

    Trains for some minutes, unless that was done before.
    """
    if (folder / "network.pt").exists():
        return
    images, labels = folder / "data" / "images", folder / "data" / "labels"
    for kind, part in (("t1", images), ("wm", labels)):
        part.mkdir(parents=True, exist_ok=True)
        image = _template(kind)
        values = np.asarray(image.dataobj)
        if kind == "wm":
            values = (values > 127.5).astype(np.uint8)
        for name in ("learnt", "held-out"):  # the same: it is speed that is compared
            nibabel.save(nibabel.Nifti1Image(values, image.affine), part / f"{name}.nii.gz")
    best = train(CONFIG, folder / "run", print, data=folder / "data")
    export(best, folder / "peers-3d")
    volume = np.asarray(_template("t1").dataobj, np.float32)
    cut = tuple(slice(a, a + n) for a, n in zip(CORNER, GRID, strict=True))
    np.save(folder / "volume.npy", volume[cut])
    torch.save(network_of(torch.load(best, weights_only=True)).eval(), folder / "network.pt")


def _template(kind: str) -> nibabel.Nifti1Image:
    (path,) = (Path(nilearn.__file__).parent / "datasets" / "data").glob(
        f"mni_icbm152_{kind}_*.nii.gz"
    )
    return nibabel.load(path)
