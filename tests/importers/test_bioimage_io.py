"""A model of BioImage.IO gives in Tessera the mask that bioimageio.core's output means."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import nibabel
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from imaging.errors import BadModel, BadRequest
from inference.engine import Engine
from inference.networks.reach_probe import proved
from inference.options import RunOptions
from inference.verify import verify
from models.completed_card import completed
from models.importers.registry import importer_for
from models.importers.run import import_model
from models.registry import Model, Registry
from tests.support import bioimage_packages as packages

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")

FLOAT = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
SIGMOID, SOFTMAX = {"id": "sigmoid"}, {"id": "softmax"}
ALL = ["channel", "y", "x"]


def step(name: str, **arguments: Any) -> dict[str, Any]:
    return {"id": name, "kwargs": arguments}


@dataclass(frozen=True)
class Case:
    package: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    labels: Any = None
    """Labels of an output (n, *axes) of bioimageio.core; None: above 0.5 is label 1."""


CASES = {
    "an image": Case(
        {"before": [step("zero_mean_unit_variance", axes=ALL), FLOAT], "after": [SIGMOID]},
        {"labels": "cell"},
    ),
    "a volume": Case(
        {
            "axes": "bczyx",
            "network": {"outputs": 3},
            "names": (["nuclei"], ["background", "inside", "border"]),
            "pixel": {"unit": "micrometer", "scale": 0.5},
            "before": [
                step("scale_range", axes=["z", "y", "x"], min_percentile=5, max_percentile=90),
                step("clip", min=0, max=1),
                FLOAT,
            ],
            "after": [SOFTMAX],
        },
        labels=lambda output: output[0].argmax(axis=0),
    ),
    "RGB with the channels last": Case(
        {
            "axes": "byxc",
            "network": {"channels": 3, "outputs": 2},
            "names": (["red", "green", "blue"], ["gland", "lumen"]),
            "before": [step("fixed_zero_mean_unit_variance", mean=128.0, std=64.0), FLOAT],
            "after": [SIGMOID, step("binarize", threshold=[0.45, 0.55], axis="channel"), FLOAT],
        },
        labels=lambda output: np.where(output[0, ..., 1], 2, output[0, ..., 0]),
    ),
    "TorchScript, columns before rows": Case(
        {
            "axes": "bcxy",
            "weights": ["torchscript"],
            "before": [step("scale_linear", gain=-1 / 64, offset=1.5), FLOAT],
            "after": [step("binarize", threshold=0.25), FLOAT],
        },
        {"labels": "cell", "trust": True},
        labels=lambda output: output[0, 0].T,
    ),
    "a state dict and its code, measured together": Case(
        {
            "network": {"channels": 2},
            "names": (["dapi", "actin"], ["cell"]),
            "weights": ["pytorch_state_dict"],
            "before": [step("zero_mean_unit_variance"), FLOAT],
        },
        {"trust": True},
        labels=lambda output: output[0, 0] > 0,
    ),
}


def imported(source: Path, folder: Path, **options: Any) -> Model:
    registry = Registry(folder / "added", zoo=folder / "none")

    def add(draft: Path) -> Model:
        with TemporaryDirectory(dir=folder) as complete:
            completed(draft, Path(complete), proved)
            return registry.add(Path(complete), verify)

    return import_model(source, options, add, lambda _text: None)


def segmented(model: Model, image: NDArray[Any], folder: Path) -> NDArray[Any]:
    """The mask of an image (channels, *space) that is stored as such images are."""
    names = [channel.name for channel in model.card.channels]
    arrays = [np.moveaxis(image, 0, -1)] if len(names) < len(image) else [*image]
    scans = {}
    for name, array in zip(names, arrays, strict=True):
        scans[name] = folder / f"{name}.tif"
        rgb = {"photometric": "rgb"} if array.ndim == 3 and array.shape[-1] == 3 else {}
        tifffile.imwrite(scans[name], array, imagej=not rgb, **_pixels(array, rgb), **rgb)
    engine = Engine(Registry(folder / "added", zoo=folder / "none"), "cpu")
    result = engine.segment(scans, model.card.name, folder / "out", RunOptions(precision="fp32"))
    if result.mask.suffix == ".png":
        return np.asarray(Image.open(result.mask))
    return np.asarray(nibabel.load(result.mask).dataobj)


def _pixels(array: NDArray[Any], rgb: Mapping[str, str]) -> dict[str, Any]:
    """A stack of voxels of half a micrometre, as its package states them."""
    if array.ndim < 3 or rgb:
        return {}
    metadata = {"axes": "ZYX", "spacing": 0.5, "unit": "um"}
    return {"metadata": metadata, "resolution": (2, 2)}


def stored(image: NDArray[Any], axes: str) -> NDArray[Any]:
    return packages.ordered(image, axes)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_mask_is_that_of_bioimageio_core(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    source = packages.package(tmp_path / "package", **case.package)
    assert importer_for(source).name == "bioimage-io"
    model = imported(source, tmp_path, **case.options)
    axes = case.package.get("axes", "bcyx")
    channels = case.package.get("network", {}).get("channels", 1)
    image = packages.test_image(len(axes) - 2, channels, seed=5)
    output = packages.predicted(tmp_path / "package", stored(image, axes))
    expected = case.labels(output) if case.labels else output[0, 0] > 0.5
    mask = segmented(model, image, tmp_path)
    assert 0.02 < (expected > 0).mean() < 0.98
    assert mask.shape == expected.shape
    assert (mask == expected).mean() >= 0.9995
