"""Small MONAI bundles for tests."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
from monai.networks.nets.unet import UNet
from scipy.ndimage import gaussian_filter
from torch import nn

UNET = {
    "_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3,
    "channels": [4, 8], "strides": [2], "num_res_units": 1, "norm": "batch",
}  # fmt: skip


def small_network(**changes: Any) -> nn.Module:
    """The network of `UNET`, or one with other arguments, with random weights."""
    torch.manual_seed(0)
    arguments = {**UNET, **changes}
    del arguments["_target_"]
    return UNet(**arguments)


LOAD = [
    {"_target_": "LoadImaged", "keys": "@image_key"},
    {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
]
SAVE = {"_target_": "SaveImaged", "keys": "pred", "output_dir": "$@bundle_root + '/eval'"}


def invert(**arguments: Any) -> dict[str, Any]:
    """Invertd as most bundles write it."""
    return {
        "_target_": "Invertd", "keys": "pred", "transform": "@preprocessing",
        "orig_keys": "@image_key", "nearest_interp": False, "to_tensor": True, **arguments,
    }  # fmt: skip


def on_image(target: str, **arguments: Any) -> dict[str, Any]:
    """A transform of the image."""
    return {"_target_": target, "keys": "@image_key", **arguments}


def on_pred(target: str, **arguments: Any) -> dict[str, Any]:
    """A transform of the result."""
    return {"_target_": target, "keys": "pred", **arguments}


SOFTMAX, SIGMOID = on_pred("Activationsd", softmax=True), on_pred("Activationsd", sigmoid=True)
ARGMAX, THRESHOLD = on_pred("AsDiscreted", argmax=True), on_pred("AsDiscreted", threshold=0.5)


def windows(size: list[int] | None = None, **arguments: Any) -> dict[str, Any]:
    """A SlidingWindowInferer."""
    return {
        "_target_": "SlidingWindowInferer", "roi_size": size or [16, 16, 16], "sw_batch_size": 2,
        **arguments,
    }  # fmt: skip


def configuration(
    network: dict[str, Any] | None = None,
    before: list[dict[str, Any]] | None = None,
    inferer: dict[str, Any] | None = None,
    after: list[dict[str, Any]] | None = None,
    load: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The configuration of an inference, by default a small complete one."""
    before = [on_image("ScaleIntensityd")] if before is None else before
    after = [SOFTMAX, invert(), ARGMAX] if after is None else after
    return {
        "imports": ["$import glob"],
        "bundle_root": ".",
        "image_key": "image",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": deepcopy(UNET if network is None else network),
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": [*(load or LOAD), *before]},
        "inferer": inferer or windows(),
        "postprocessing": {"_target_": "Compose", "transforms": [*after, SAVE]},
        "checkpointloader": {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        },
    }


def write_bundle(
    folder: Path, content: dict[str, Any], channels: int = 1, outputs: int = 3
) -> Path:
    """A bundle without weights."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "inference.json").write_text(json.dumps(content))
    names = ["background", "one", "two"]
    metadata = {
        "version": "0.1.2",
        "name": "A small bundle",
        "network_data_format": {
            "inputs": {
                "image": {
                    "num_channels": channels, "modality": "MR",
                    "channel_def": {str(n): f"T{n + 1}" for n in range(channels)},
                }
            },
            "outputs": {
                "pred": {
                    "num_channels": outputs,
                    "channel_def": {str(n): names[n] for n in range(outputs)},
                }
            },
        },
    }  # fmt: skip
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    return folder


def save_weights(network: nn.Module, bundle: Path, name: str = "model.pt") -> None:
    """Stores the network's state dict in the bundle."""
    torch.save(network.state_dict(), bundle / "models" / name)


def smooth(seed: int, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Smooth values around 0 with a border of zeros."""
    values = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.2)
    values *= 100 / values.std()
    values[:2] = 0
    values[:, -3:] = 0
    return values.astype(np.float32)


def write_volume(path: Path, seed: int = 0, shape: tuple[int, ...] = (26, 21, 17)) -> Path:
    """A NIfTI file whose axes are stored along P, R and I, with unequal voxels."""
    affine = np.zeros((4, 4))
    affine[1, 0], affine[0, 1], affine[2, 2] = -1.3, 1.7, -2.1
    affine[:, 3] = 12, 30, -7, 1
    nibabel.save(nibabel.Nifti1Image(smooth(seed, shape), affine), path)
    return path
