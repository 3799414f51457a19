"""Masks of imported networks are those of nnU-Net, and a planted fault is noticed.

The reference is written out in tests/support/nnunet_reference.py. That it does what nnU-Net's own
command does is measured by benchmarks/nnunet_parity.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from imaging.formats.sniff import open_scan
from inference.device import Device
from inference.networks.session import Session
from inference.pipeline import segment
from inference.planner import Budget
from models.importers.run import import_model
from models.registry import Registry
from tests.support.nnunet_reference import Rules, reference_mask
from tests.support.nnunet_results import Training, random_network, write_results

EQUAL = 0.9999
"""Least fraction of equal voxels."""
Array = NDArray[Any]


@dataclass(frozen=True)
class Case:
    """A training and a scan for it; shapes and spacings along i, j, k."""

    training: Training
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    background: float = 0.0
    """Part of the scan, at each end of each axis, that is 0."""
    folds: int = 1


CASES = {
    "plain": Case(Training(), (26, 21, 30), (1.0, 1.0, 1.0)),
    "ct": Case(
        Training(schemes=("CTNormalization",), channels=("CT",), residual=True),
        (22, 28, 20),
        (1.2, 0.8, 1.1),
    ),
    "coarse": Case(
        Training(spacing=(3.5, 0.8, 0.8), transpose=(2, 0, 1), patch=(8, 16, 16)),
        (11, 24, 28),
        (4.4, 0.9, 0.7),
    ),
    "channels": Case(
        Training(channels=("T1", "T2"), schemes=("ZScoreNormalization",) * 2, masked=True),
        (34, 30, 32),
        (1.1, 1.0, 0.9),
        background=0.15,
    ),
    "regions": Case(
        Training(
            labels={"background": 0, "whole": [1, 2, 3], "core": [2, 3], "active": 3},
            regions_order=(1, 2, 3),
        ),
        (20, 26, 24),
        (0.9, 1.2, 1.0),
    ),
    "folds": Case(Training(), (20, 24, 18), (1.0, 1.1, 1.0), folds=3),
    "smaller than a window": Case(Training(mirror_axes=(0, 1)), (13, 26, 9), (1.0, 1.0, 1.0)),
    "slices": Case(
        Training(patch=(16, 12), mirror_axes=(0, 1), configuration="2d", spacing=(0.8, 0.8)),
        (26, 22, 5),
        (1.0, 0.9, 4.0),
    ),
    "image": Case(
        Training(
            patch=(16, 12), mirror_axes=(0, 1), configuration="2d", spacing=(1.0, 1.0),
            reader="NaturalImage2DIO", median_shape=(1.0, 60.0, 60.0),
        ),
        (50, 37),
        (),
    ),
}  # fmt: skip
FAULTS = {
    "step": ("plain", Rules(step=0.25)),
    "sigma": ("plain", Rules(sigma=1 / 4)),
    "mirrored axis": ("plain", Rules(mirror_one_less=True)),
    "no mirroring": ("slices", Rules(mirror=False)),
    "softmax before resampling": ("ct", Rules(probabilities_first=True)),
    "order of the spline": ("ct", Rules(order=1)),
    "coarse axis": ("coarse", Rules(coarse_axis_apart=False)),
    "padding": ("smaller than a window", Rules(pad_at_end=True)),
}


def scan_files(case: Case, folder: Path) -> list[Path]:
    """Smooth random channels with random directions, which nnU-Net ignores."""
    paths = []
    for number in range(len(case.training.channels)):
        random, tilt = np.random.default_rng(number), np.random.default_rng(9)
        values = gaussian_filter(random.standard_normal(case.shape), 1.2) * 300 + 80
        for axis, n in enumerate(case.shape):
            edge = round(n * case.background)
            ends = [*range(edge), *range(n - edge, n)]
            values[(slice(None),) * axis + (ends,)] = 0
        if len(case.shape) == 2:
            image = SimpleITK.GetImageFromArray(values.clip(0, 255).astype(np.uint8))
            paths.append(folder / f"scan_{number}.png")
        else:
            image = SimpleITK.GetImageFromArray(values.T.astype(np.float32))
            image.SetSpacing(case.spacing)
            turned, _ = np.linalg.qr(np.eye(3) + tilt.normal(0, 0.1, (3, 3)))
            image.SetDirection((turned * (-1.0, 1.0, 1.0)).ravel().tolist())
            paths.append(folder / f"scan_{number}.nii.gz")
        SimpleITK.WriteImage(image, str(paths[-1]))
    return paths


def read(path: Path) -> Array:
    """As nnU-Net's readers do: z, y, x."""
    values = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    return values[np.newaxis] if values.ndim == 2 else values


def tessera_mask(source: Path, files: Sequence[Path], folder: Path) -> Array:
    """The mask of the imported model, z, y, x."""
    registry = Registry(folder / "added", zoo=folder / "none")
    model = import_model(source, {}, registry.add, lambda _text: None)
    scans = {
        channel.name: open_scan(path)
        for channel, path in zip(model.card.channels, files, strict=True)
    }
    first, *others = (Session(part.verified, Device("cpu", "fp32")) for part in model.networks)
    members = [lambda session=session: session for session in others]
    mask = segment(scans, model.card, first, Budget(1 << 30), members=members).mask
    return np.asarray(mask[np.newaxis] if mask.ndim == 2 else mask.T)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_masks_are_those_of_nnunet(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    networks = [random_network(case.training, seed) for seed in range(case.folds)]
    files = scan_files(case, tmp_path)
    channels = [read(path) for path in files]
    spacing = (999.0, 1.0, 1.0) if len(case.shape) == 2 else case.spacing[::-1]
    expected = reference_mask(case.training, networks, channels, spacing)
    source = write_results(case.training, tmp_path / "results", networks)
    mask = tessera_mask(source, files, tmp_path)
    assert mask.shape == expected.shape
    counts = [int((expected == value).sum()) for value in range(1, case.training.outputs)]
    assert min(counts) > 0.02 * expected.size * (1 - 2 * case.background) ** len(case.shape)
    assert (mask == expected).mean() >= EQUAL
    for fault, (where, rules) in FAULTS.items():
        if where == name:
            wrong = reference_mask(case.training, networks, channels, spacing, rules)
            assert (mask == wrong).mean() < EQUAL, fault


def test_every_fault_has_a_case() -> None:
    assert {where for where, _ in FAULTS.values()} <= set(CASES)
    assert all(rules != Rules() for _, rules in FAULTS.values())


@pytest.mark.slow
def test_axes_of_the_card_matter(tmp_path: Path) -> None:
    """The same files with another transposition give another mask."""
    case = CASES["plain"]
    networks = [random_network(case.training)]
    files = scan_files(case, tmp_path)
    channels = [read(path) for path in files]
    turned = replace(case.training, transpose=(1, 0, 2))
    source = write_results(turned, tmp_path / "results", networks)
    mask = tessera_mask(source, files, tmp_path)
    expected = reference_mask(turned, networks, channels, case.spacing[::-1])
    other = reference_mask(case.training, networks, channels, case.spacing[::-1])
    assert (mask == expected).mean() >= EQUAL
    assert (mask == other).mean() < EQUAL
