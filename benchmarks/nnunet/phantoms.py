"""Data sets made by code, in nnU-Net's raw format, that each need another part of its inference.

Runs in an environment with nnU-Net (`benchmarks/nnunet/environment`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Array = NDArray[Any]
Random = np.random.Generator


@dataclass(frozen=True)
class Subject:
    """One case: channels and labels on axes i, j, k, as a file stores them."""

    channels: tuple[Array, ...]
    labels: Array
    spacing: tuple[float, ...]


def ellipsoid(shape: tuple[int, ...], centre: Array, radii: Array) -> Array:
    """True inside; `centre` and `radii` as parts of the shape."""
    axes = np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij")
    return sum(((a - c) / r) ** 2 for a, c, r in zip(axes, centre, radii, strict=True)) < 1


def nested(rng: Random, shape: tuple[int, ...], count: int, size: float = 0.3) -> Array:
    """Labels 1, 2, ... of `count` ellipsoids, each inside the one before."""
    labels = np.zeros(shape, np.uint8)
    centre, radii = rng.uniform(0.4, 0.6, len(shape)), rng.uniform(0.8, 1.2, len(shape)) * size
    for value in range(1, count + 1):
        labels[ellipsoid(shape, centre, radii)] = value
        centre, radii = centre + rng.uniform(-0.2, 0.2, len(shape)) * radii * 0.5, radii * 0.6
    return labels


def noisy(rng: Random, values: Array, smooth: float, noise: float) -> Array:
    """`values` blurred, with noise of a range of scales."""
    grain = gaussian_filter(rng.standard_normal(values.shape), smooth) * smooth ** (values.ndim / 2)
    return gaussian_filter(values.astype(float), 0.6) + noise * (
        rng.standard_normal(values.shape) + 2 * grain
    )


def around(rng: Random, shape: tuple[int, ...], part: float = 0.15) -> tuple[int, ...]:
    """The shape, up to `part` larger or smaller on each axis."""
    return tuple(round(n * rng.uniform(1 - part, 1 + part)) for n in shape)


def mr(rng: Random) -> Subject:
    """A small MR at 1 mm with a head and a tail."""
    shape = around(rng, (38, 52, 40))
    labels = nested(rng, shape, 2)
    scale = rng.uniform(50, 400)
    image = noisy(rng, np.array([0.4, 0.8, 1.2])[labels], 2, 0.06) * scale + scale
    return Subject((image.astype(np.float32),), labels, (1.0, 1.0, 1.0))


def ct(rng: Random) -> Subject:
    """A CT of a body in air, voxels of varying size; some voxels have the ignore label, 3."""
    shape, spacing = around(rng, (42, 40, 38)), tuple(rng.uniform(0.75, 1.35, 3))
    labels = nested(rng, shape, 2)
    body = ellipsoid(shape, np.full(3, 0.5), np.array([0.48, 0.42, 0.7]))
    values = np.where(body, np.array([20.0, 90.0, 160.0])[labels], -1000.0)
    image = noisy(rng, values, 1.5, 12).clip(-1024, 1500).astype(np.int16)
    labels[:, : shape[1] // 5] = 3
    return Subject((image,), labels, spacing)


def coarse(rng: Random) -> Subject:
    """A sagittal MR: the first stored axis is coarse, so that nnU-Net transposes it."""
    shape = around(rng, (12, 48, 46))
    spacing = (rng.uniform(3.0, 4.5), rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9))
    labels = nested(rng, shape, 2)
    image = noisy(rng, np.array([100.0, 200.0, 320.0])[labels], 1.5, 25)
    return Subject((image.astype(np.float32),), labels, spacing)


def slices(rng: Random) -> Subject:
    """An axial stack for a 2D network, with pixels of varying size."""
    shape = around(rng, (72, 64, 7))
    pixel = rng.uniform(0.7, 1.4)
    labels = nested(rng, shape, 2)
    image = noisy(rng, np.array([100.0, 200.0, 320.0])[labels], 1.5, 25)
    return Subject((image.astype(np.float32),), labels, (pixel, pixel * rng.uniform(1, 1.1), 6.0))


def stripped(rng: Random, count: int, channels: int) -> Subject:
    """A stripped brain in zeros, with zeros inside it too, in several contrasts."""
    shape, spacing = around(rng, (52, 54, 48)), tuple(rng.uniform(0.9, 1.2, 3))
    labels = nested(rng, shape, count, 0.2)
    centre, radii = rng.uniform(0.45, 0.55, 3), np.array([0.34, 0.38, 0.36])
    head = ellipsoid(shape, centre, radii)
    hole = ellipsoid(shape, centre + 0.18, radii * 0.15) & (labels == 0)
    images = []
    for _ in range(channels):
        contrast = rng.permutation(np.linspace(0.5, 1.6, count + 1)) * rng.uniform(200, 900)
        image = noisy(rng, contrast[labels], 1.5, 0.04 * contrast.mean()).clip(1)
        images.append(np.where(head & ~hole, image, 0).astype(np.float32))
    return Subject(tuple(images), np.where(head, labels, 0), spacing)


def two_contrasts(rng: Random) -> Subject:
    """T1 and T2 of a stripped brain."""
    subject = stripped(rng, 2, 1)
    values = np.array([300.0, 500.0, 800.0])[subject.labels]
    second = np.where(subject.channels[0] == 0, 0, noisy(rng, values, 2, 50).clip(1))
    first = np.where(second == 0, 0, noisy(rng, 1200 - values, 2, 60).clip(1))
    return Subject(
        (first.astype(np.float32), second.astype(np.float32)), subject.labels, subject.spacing
    )


def tumour(rng: Random) -> Subject:
    """A stripped brain with a tumour of three nested regions."""
    subject = stripped(rng, 3, 1)
    image = noisy(rng, np.array([300.0, 500.0, 700.0, 1000.0])[subject.labels], 2, 50).clip(1)
    image = np.where(subject.channels[0] == 0, 0, image).astype(np.float32)
    return Subject((image,), subject.labels, subject.spacing)


def cells(rng: Random) -> Subject:
    """A grey picture of bright cells on a dark, uneven ground; axes are columns and rows."""
    shape = around(rng, (150, 120), 0.3)
    labels = np.zeros(shape, np.uint8)
    for _ in range(12):
        size = rng.uniform(8, 16) / np.array(shape)
        labels[ellipsoid(shape, rng.uniform(0, 1, 2), size)] = 1
    image = noisy(rng, np.array([40.0, 120.0])[labels], 4, 8)
    return Subject((image.clip(0, 255).astype(np.uint8),), labels, (1.0, 1.0))


def folder_of(make: Callable[[Random], Subject], root: Path, seed: int, count: int, ending: str,
              kind: str) -> None:  # fmt: skip
    """Writes `count` subjects as images{kind} and, for training, labels{kind}."""
    for number in range(count):
        rng = np.random.default_rng((seed, number, kind == "Ts"))
        subject = make(rng)
        frame = direction(rng, len(subject.spacing))
        name = f"case_{number:03d}"
        for index, channel in enumerate(subject.channels):
            path = root / f"images{kind}" / f"{name}_{index:04d}{ending}"
            write(path, channel, subject.spacing, frame)
        if kind == "Tr":
            write(root / "labelsTr" / f"{name}{ending}", subject.labels, subject.spacing, frame)


def direction(rng: Random, axes: int) -> Array:
    """A rotation by a few degrees, with some axes reversed: nnU-Net must ignore it."""
    turned, _ = np.linalg.qr(np.eye(axes) + rng.normal(0, 0.05, (axes, axes)))
    turned = turned * np.sign(np.diag(turned))
    return turned * rng.choice([-1.0, 1.0], axes)


def write(path: Path, values: Array, spacing: tuple[float, ...], frame: Array) -> None:
    """Writes one volume or picture; `values` has axes i, j, k."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(values.T))
    if len(spacing) > 2:
        image.SetSpacing([float(value) for value in spacing])
        image.SetDirection([float(value) for value in frame.ravel()])
    SimpleITK.WriteImage(image, str(path))
