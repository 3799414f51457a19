"""The network's input of a NIfTI file, against MONAI's transforms as its bundles list them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.intensity.array import NormalizeIntensity, ScaleIntensity, ScaleIntensityRange
from monai.transforms.spatial.array import Orientation, Spacing
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from imaging.box import Box
from imaging.formats.sniff import open_scan
from imaging.preparation.way_back import Resized
from imaging.scan import in_memory
from inference.network_input import network_input
from inference.way_to_scan import taps_to_scan
from models.nets.config import UNetConfig
from models.registry import Model

CONFIG = UNetConfig.of_widths((4, 6), dimension=3, out_channels=3, padding="same", batch_norm=True)
OWN = (0.9, 0.8, 2.6)
AXES = {
    "stored RAS": np.diag([1.0, 1.0, 1.0]),
    "stored LPS": np.diag([-1.0, -1.0, 1.0]),
    "sagittal": np.array([[0, 0, 1.0], [-1.0, 0, 0], [0, -1.0, 0]]),
    "oblique": Rotation.from_euler("xyz", (17, -11, 24), degrees=True).as_matrix()
    @ np.diag([-1.0, -1.0, 1.0]),
}


def resample(*spacing_mm: float) -> dict[str, Any]:
    return {"step": "resample", "spacing_mm": spacing_mm, "anchor": "centres"}


def normalise(**rule: Any) -> dict[str, Any]:
    return {"step": "normalise", "rules": [rule]}


SPLEEN: tuple[Any, ...] = (
    [Spacing((1.5, 1.5, 2.0), mode="bilinear"), ScaleIntensityRange(-57, 164, 0.0, 1.0, True)],
    [resample(1.5, 1.5, 2.0), normalise(kind="range", input=(-57, 164), clip=True)],
)
WHOLE_BODY: tuple[Any, ...] = (
    [Spacing((1.37, 1.21, 1.9)), NormalizeIntensity(nonzero=True), ScaleIntensity(-1.0, 1.0)],
    [
        resample(1.37, 1.21, 1.9),
        normalise(kind="zscore", over="nonzero"),
        normalise(kind="extremes", output=(-1.0, 1.0)),
    ],
)
"""With spacings at which no voxel but the first falls on another, and no 0 near the edge: MONAI's
rounding decides whether a voxel that falls on a 0 is still exactly 0."""
PROSTATE: tuple[Any, ...] = (
    [Spacing((0.5, 0.5, 0.5), mode="bilinear"), ScaleIntensity(0, 1), NormalizeIntensity()],
    [resample(0.5, 0.5, 0.5), normalise(kind="extremes"), normalise(kind="zscore")],
)


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("code", ["RAS", "LPS"])
@pytest.mark.parametrize(
    ("home", "steps"), [SPLEEN, WHOLE_BODY, PROSTATE], ids=["spleen", "whole body", "prostate"]
)
def test_the_input_is_monais(
    tmp_path: Path,
    make_model: Callable[..., Model],
    axes: str,
    code: str,
    home: list[Any],
    steps: list[dict[str, Any]],
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = AXES[axes] @ np.diag(OWN)
    affine[:3, 3] = (-40.5, 22.0, 13.25)
    rough = np.random.default_rng(0).normal(60, 2000, (23, 27, 11))
    values = np.rint(gaussian_filter(rough, 1.2)).astype(np.int16)
    inner = values[2:-2, 2:-2, 2:-2]
    inner[inner < -90] = 0
    nib.save(nib.Nifti1Image(values, affine), tmp_path / "scan.nii.gz")
    stored = nib.load(tmp_path / "scan.nii.gz")
    loaded = torch.from_numpy(stored.get_fdata(dtype=np.float32)[np.newaxis])
    turn = Orientation(axcodes=code, labels=None)
    expected = Compose([turn, *home])(MetaTensor(loaded, affine=torch.tensor(stored.affine)))

    card = make_model("usual", CONFIG).card.model_copy(
        update={"orientation": code, "intensity": None}
    )
    card = type(card).model_validate(card.model_dump() | {"preparation": steps})
    subject = network_input({"image": open_scan(tmp_path / "scan.nii.gz")}, card)
    assert subject.grid == tuple(expected.shape[1:])
    read = subject.read(Box.whole(subject.grid))
    np.testing.assert_allclose(read, expected.numpy(), atol=3e-5 * float(np.ptp(expected)))
    (resized,) = subject.way_back
    assert isinstance(resized, Resized)
    assert resized.before == subject.oriented.scan.grid


@pytest.mark.parametrize("degrees", [(0, 0, 0), (17, -11, 24)])
@pytest.mark.parametrize("spacing", [(1.5, 1.5, 2.0), (0.6, 0.8, 3.1)])
def test_results_are_brought_back_as_monais_invert_does(
    make_model: Callable[..., Model],
    degrees: tuple[float, ...],
    spacing: tuple[float, ...],
) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ np.diag(OWN)
    affine = affine.astype(np.float32).astype(np.float64)  # as NIfTI stores it
    image = np.random.default_rng(0).normal(size=(1, 23, 27, 11)).astype(np.float32)
    home = Spacing(spacing, mode="bilinear")
    there: Any = home(MetaTensor(torch.from_numpy(image), affine=torch.tensor(affine)))
    result = torch.rand(2, *there.shape[1:])
    operations = there.applied_operations
    back = home.inverse(MetaTensor(result, meta=there.meta, applied_operations=operations))

    card = make_model("usual", CONFIG).card
    card = type(card).model_validate(
        card.model_dump() | {"intensity": None, "preparation": [resample(*spacing)]}
    )
    scan = replace(in_memory(image, OWN), affine=affine)
    subject = network_input({"image": scan}, card)
    values: Any = result.numpy()
    for axis, taps in enumerate(taps_to_scan(subject)):
        values = taps.apply(values, axis + 1, (taps.start, taps.stop), 0)
    np.testing.assert_allclose(values, back.numpy(), atol=1e-5)
