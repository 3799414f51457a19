"""Overlapping windows, against MONAI's inferer and against nnU-Net's rule written out in numpy."""

from itertools import chain, combinations, product
from math import ceil
from typing import Any

import numpy as np
import pytest
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from imaging.box import Box
from imaging.scan import Scan
from inference.device import Device, available
from inference.labels import labels_of
from inference.network_input import network_input
from inference.networks.session import Session
from inference.pipeline import Result, segment
from inference.planner import Budget
from inference.run_context import RunContext
from inference.verify import verify
from models.registry import Model
from tests.support.instance_norm import MONAI, NNUNET, InstanceNormNetwork, MakeWindowed, run_torch
from tests.support.scans import noise, scan_of

CPU = Device("cpu", "fp32")
PLENTY = Budget(1 << 40)
PARITY = 0.9999
"""Least fraction of equal voxels."""


def run(
    scan: Scan, model: Model, budget: Budget = PLENTY, context: RunContext | None = None
) -> Result:
    session = Session(model.verified, CPU)
    return segment({"image": scan}, model.card, session, budget, context=context)


def values_of(scan: Scan) -> NDArray[np.float32]:
    return scan.read(Box.whole(scan.grid))


def nnunet_logits(
    image: NDArray[np.float32],
    network: InstanceNormNetwork,
    patch: tuple[int, ...],
    *,
    step: float = 0.5,
    sigma: float = 0.125,
    mirror_axes: tuple[int, ...] = (),
) -> NDArray[np.float32]:
    """nnU-Net's sliding window on a whole array (channels, *grid): zeros around it up to the patch,
    windows from edge to edge, the mean over mirrorings, weighted sum over sum of weights."""
    lacking = [max(0, p - n) for p, n in zip(patch, image.shape[1:], strict=True)]
    around = [(n // 2, n - n // 2) for n in lacking]
    padded = np.pad(image, [(0, 0), *around])
    peak = np.zeros(patch)
    peak[tuple(p // 2 for p in patch)] = 1
    weights = gaussian_filter(peak, [p * sigma for p in patch], mode="constant")
    weights = (weights / weights.max() * 10).astype(np.float16)
    weights[weights == 0] = weights[weights > 0].min()
    weights = weights.astype(np.float32)
    starts = []
    for n, p in zip(padded.shape[1:], patch, strict=True):
        count = ceil((n - p) / (p * step)) + 1
        starts.append([round(i * (n - p) / max(1, count - 1)) for i in range(count)])
    sums: Any = 0
    flips = chain.from_iterable(combinations(mirror_axes, k) for k in range(len(mirror_axes) + 1))
    axes = [tuple(a + 1 for a in flip) for flip in flips]
    total = np.zeros(padded.shape[1:], np.float32)
    for at in product(*starts):
        place = tuple(slice(a, a + p) for a, p in zip(at, patch, strict=True))
        window = padded[(slice(None), *place)]
        logits = np.mean(
            [np.flip(run_torch(network, np.flip(window, f)[None])[0], f) for f in axes], axis=0
        )
        if isinstance(sums, int):
            sums = np.zeros((len(logits), *padded.shape[1:]), np.float32)
        sums[(slice(None), *place)] += logits * weights
        total[place] += weights
    inside = tuple(slice(a, a + n) for (a, _), n in zip(around, image.shape[1:], strict=True))
    return (sums / total)[(slice(None), *inside)]


def enlarged(logits: NDArray[np.float32], grid: tuple[int, ...]) -> NDArray[np.float32]:
    """Linear interpolation between voxel centres, the edge repeated (skimage's and nnU-Net's)."""
    ratio = [n / m for n, m in zip(grid, logits.shape[1:], strict=True)]
    return np.stack([zoom(part, ratio, order=1, mode="nearest", grid_mode=True) for part in logits])


@pytest.mark.parametrize("grid", [(30, 29, 41), (9, 40, 13), (16, 12, 20)])
@pytest.mark.parametrize("weights", ["constant", "gaussian"])
def test_the_mask_is_that_of_monais_inferer(
    windowed: MakeWindowed, grid: tuple[int, ...], weights: str
) -> None:
    model, network = windowed(MONAI | {"weights": weights})
    scan = noise((1, *grid), (1.0, 1.0, 1.0))
    expected = sliding_window_inference(
        torch.from_numpy(values_of(scan)[None]), (16, 12, 20), 3, network, 0.25, weights
    )
    labels = expected[0].argmax(0).numpy()
    mask = run(scan, model).mask
    assert (mask == labels).mean() >= PARITY
    assert len(np.unique(labels)) > 2


@pytest.mark.slow
@pytest.mark.parametrize("grid", [(30, 29, 41), (9, 40, 13)])
def test_the_mask_is_that_of_nnunets_rule_and_no_other(
    windowed: MakeWindowed, grid: tuple[int, ...]
) -> None:
    """Every fault that is planted in the card fails the comparison."""
    model, network = windowed(NNUNET)
    scan = noise((1, *grid), (1.0, 1.0, 1.0))
    patch, axes = (16, 12, 20), (0, 1, 2)
    labels = nnunet_logits(values_of(scan), network, patch, mirror_axes=axes).argmax(0)
    assert (run(scan, model).mask == labels).mean() >= PARITY
    faults: list[dict[str, Any]] = [
        {"step": 0.4},
        {"step_rule": "fixed", "step": 0.6},
        {"sigma": 0.25},
        {"weights": "constant"},
        {"mirror_axes": [0, 1]},
        {"mirror_axes": []},
        {"patch": [16, 14, 20]},
    ]
    if min(n - p for n, p in zip(grid, patch, strict=True)) < 0:
        faults.append({"pad_mode": "replicate"})
    for fault in faults:
        wrong, _ = windowed(NNUNET | fault)
        assert (run(scan, wrong).mask == labels).mean() < PARITY, fault


@pytest.mark.parametrize("resample", ["logits", "probabilities", "labels"])
def test_what_is_interpolated_is_what_the_card_states(
    windowed: MakeWindowed, resample: str
) -> None:
    """Another order of softmax and interpolation gives another mask."""
    facts = {"spacing_mm": [2.0, 2.0, 2.0], "results": {"resample": resample}}
    model, network = windowed(NNUNET | {"mirror_axes": []}, **facts)
    scan = noise((1, 40, 36, 50), (1.0, 1.0, 1.0))
    coarse = input_of(scan, model)
    logits = nnunet_logits(coarse, network, (16, 12, 20))
    ways = {
        "logits": enlarged(logits, scan.grid).argmax(0),
        "probabilities": enlarged(softmax(logits), scan.grid).argmax(0),
        "labels": np.kron(logits.argmax(0), np.ones((2, 2, 2), int)),
    }
    mask = run(scan, model).mask
    for way, labels in ways.items():
        assert ((mask == labels).mean() >= PARITY) == (way == resample), way


@pytest.mark.parametrize("spacing", [(4.0, 0.8, 0.9), (1.3, 0.8, 0.9)])
def test_results_of_prepared_scans_are_brought_back_as_nnunet_does(
    windowed: MakeWindowed, spacing: tuple[float, float, float]
) -> None:
    """Cropped, normalised and resampled; a coarse axis takes the nearest slice."""
    steps = [
        {"step": "crop_nonzero"},
        {"step": "normalise", "rules": [{"kind": "zscore"}]},
        {
            "step": "resample", "spacing_mm": [1.3, 1.0, 1.0], "anchor": "edges", "order": 3,
            "clip": True, "coarse_ratio": 3,
        },
    ]  # fmt: skip
    model, network = windowed(NNUNET | {"mirror_axes": []}, intensity=None, preparation=steps)
    values = np.zeros((1, 21, 40, 50), np.float32)
    box = (slice(None), slice(3, 18), slice(5, 38), slice(2, 41))
    values[box] = values_of(noise((1, 15, 33, 39), seed=3))
    scan = scan_of(values, spacing)
    logits = nnunet_logits(input_of(scan, model), network, (16, 12, 20))
    if spacing[0] > 3 * spacing[1]:
        rows = (np.arange(15) + 0.5) * logits.shape[1] / 15
        whole = enlarged(logits, (logits.shape[1], 33, 39))[:, rows.astype(int)]
    else:
        whole = enlarged(logits, (15, 33, 39))
    expected = np.zeros((21, 40, 50), int)
    expected[box[1:]] = whole.argmax(0)
    mask = run(scan, model).mask
    assert (mask == expected).mean() >= PARITY
    assert len(np.unique(expected)) > 2
    assert not mask[:3].any()


def input_of(scan: Scan, model: Model) -> NDArray[np.float32]:
    """The network's input (channels, *grid), as the pipeline prepares it."""
    subject = network_input({"image": scan}, model.card)
    return subject.read(Box.whole(subject.grid))


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.exp(logits - logits.max(0))
    return values / values.sum(0)


def test_a_two_dimensional_network_segments_slice_by_slice(windowed: MakeWindowed) -> None:
    windows = NNUNET | {"patch": [1, 12, 20], "mirror_axes": [1, 2], "slicewise": True}
    model, network = windowed(windows)
    scan = noise((1, 7, 29, 33), (5.0, 1.0, 1.0))
    slices = [
        nnunet_logits(values_of(scan)[:, n], network, (12, 20), mirror_axes=(0, 1)).argmax(0)
        for n in range(7)
    ]
    result = run(scan, model)
    assert (result.mask == np.stack(slices)).mean() >= PARITY
    verify(model)


@pytest.mark.parametrize("device", [d for d in available() if d in ("cpu", "openvino")])
@pytest.mark.parametrize("slicewise", [True, False])
def test_a_last_layer_of_many_outputs_runs_on_the_blended_features(
    windowed: MakeWindowed, device: str, slicewise: bool
) -> None:
    """More outputs than features: OpenVINO stops before the last layer."""
    patch = [1, 12, 20] if slicewise else [6, 12, 20]
    model, network = windowed(
        NNUNET | {"patch": patch, "mirror_axes": [2], "slicewise": slicewise}, outputs=12
    )
    scan = noise((1, 7, 29, 33), (5.0, 1.0, 1.0))
    values = values_of(scan)
    if slicewise:
        slices = [values[:, n] for n in range(7)]
        parts = [nnunet_logits(one, network, (12, 20), mirror_axes=(1,)) for one in slices]
        expected = np.stack([part.argmax(0) for part in parts])
    else:
        expected = nnunet_logits(values, network, (6, 12, 20), mirror_axes=(2,)).argmax(0)
    session = Session(model.verified, Device(device, "fp32"))
    mask = segment({"image": scan}, model.card, session, PLENTY).mask
    assert (mask == expected).mean() >= PARITY


def test_regions_of_an_image(windowed: MakeWindowed) -> None:
    """Two axes, sigmoid, later regions over earlier ones."""
    facts = {"axes": 2, "activation": "sigmoid", "outputs": 3}
    windows = NNUNET | {"patch": [24, 20], "mirror_axes": [1]}
    model, network = windowed(windows, **facts)
    card = model.card.model_copy(update={"outputs": (2, 1, 2)})
    model = Model(card, model.folder)
    scan = noise((1, 61, 47))
    logits = nnunet_logits(values_of(scan), network, (24, 20), mirror_axes=(1,))
    expected = labels_of(logits, card)
    assert (run(scan, model).mask == expected).mean() >= PARITY
    assert set(np.unique(expected)) == {0, 1, 2}
