"""nnU-Net's inference written out plainly, on whole arrays, for small scans.

A second implementation to compare with: it shares no code with Tessera, and follows the order of
operations of nnU-Net 2.8 (predict_from_raw_data, default_preprocessor, default_resampling). A fault
can be planted by changing one of `Rules`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import expit, softmax
from skimage.transform import resize

from tests.support.nnunet_results import CT, Training

Array = NDArray[Any]


@dataclass(frozen=True)
class Rules:
    """What nnU-Net does; another value is a planted fault."""

    step: float = 0.5
    sigma: float = 1 / 8
    mirror: bool = True
    mirror_one_less: bool = False
    probabilities_first: bool = False
    order: int = 3
    coarse_axis_apart: bool = True
    pad_at_end: bool = False


def reference_mask(
    training: Training,
    networks: Sequence[Any],
    channels: Sequence[Array],
    spacing: Sequence[float],
    rules: Rules = Rules(),
) -> Array:
    """The mask of one case. `channels` and `spacing` have the axes z, y, x of nnU-Net's reader; an
    image has one slice."""
    order = training.transpose
    image = np.stack([channel.transpose(order) for channel in channels]).astype(np.float32)
    own = [spacing[axis] for axis in order]
    whole = image.shape[1:]
    inside = ndimage.binary_fill_holes((image != 0).any(axis=0))
    box = ndimage.find_objects(inside.astype(int))[0]
    image, inside = image[(slice(None), *box)].copy(), inside[box]
    for channel, scheme in zip(image, training.schemes, strict=True):
        channel[:] = normalised(channel, scheme, inside if training.masked else None)
    target = [*training.spacing]
    if len(target) < 3:
        target.insert(0, own[0])
    shape = [round(a / b * n) for a, b, n in zip(own, target, image.shape[1:], strict=True)]
    apart = training.separate is None and rules.coarse_axis_apart
    data = resampled(image, shape, own, target, rules.order, apart)
    logits: Array = np.zeros(0, np.float16)
    for number, network in enumerate(networks):
        fold = window_mean(data, network, training, rules)
        logits = fold if number == 0 else logits + fold
    logits = logits / np.float16(len(networks)) if len(networks) > 1 else logits
    if rules.probabilities_first:
        logits = expit(logits) if training.regions_order else softmax(logits, axis=0)
    back = resampled(logits, image.shape[1:], target, own, 1, apart)
    if training.regions_order:
        labels = np.zeros(back.shape[1:], np.uint8)
        for region, value in zip(back, training.regions_order, strict=True):
            labels[region > (0.5 if rules.probabilities_first else 0)] = value
    else:
        labels = back.argmax(0).astype(np.uint8)
    mask = np.zeros(whole, np.uint8)
    mask[box] = labels
    return mask.transpose(np.argsort(order))


def normalised(values: Array, scheme: str, inside: Array | None) -> Array:
    """One channel."""
    if scheme == "CTNormalization":
        clipped = np.clip(values, CT["percentile_00_5"], CT["percentile_99_5"])
        return (clipped - CT["mean"]) / max(CT["std"], 1e-8)
    if scheme == "ZScoreNormalization":
        measured = np.ones(values.shape, bool) if inside is None else inside
        result = values.copy()
        part = values[measured]
        result[measured] = (part - part.mean()) / max(part.std(), 1e-8)
        return result
    if scheme == "RescaleTo01Normalization":
        return (values - values.min()) / max(np.ptp(values), 1e-8)
    return values / 255 if scheme == "RGBTo01Normalization" else values


def resampled(
    values: Array, shape: Sequence[int], now: Sequence[float], then: Sequence[float], order: int,
    apart: bool,
) -> Array:  # fmt: skip
    """All channels on another grid; a coarse axis apart, by its nearest voxel."""
    if tuple(shape) == values.shape[1:]:
        return values
    coarse = next((s.index(max(s)) for s in map(list, (now, then)) if max(s) / min(s) > 3), None)
    result = np.zeros((len(values), *shape), values.dtype)
    for channel, target in zip(values.astype(float), result, strict=True):
        if coarse is None or not apart:
            target[:] = resize(channel, shape, order, mode="edge", anti_aliasing=False)
            continue
        flat = [n for axis, n in enumerate(shape) if axis != coarse]
        slices = [
            resize(one, flat, order, mode="edge", anti_aliasing=False)
            for one in np.moveaxis(channel, coarse, 0)
        ]
        places = (np.arange(shape[coarse]) + 0.5) * len(slices) / shape[coarse] - 0.5
        nearest = np.clip(np.floor(places + 0.5).astype(int), 0, len(slices) - 1)
        target[:] = np.moveaxis(np.stack([slices[n] for n in nearest]), 0, coarse)
    return result


def window_mean(data: Array, network: Any, training: Training, rules: Rules) -> Array:
    """Blended logits of one network, in 16 bits."""
    flat = len(training.patch) == 2
    patch = [1, *training.patch] if flat else [*training.patch]
    missing = [max(0, size - n) for size, n in zip(patch, data.shape[1:], strict=True)]
    before = [0 if rules.pad_at_end else n // 2 for n in missing]
    widths = [(0, 0), *((a, n - a) for a, n in zip(before, missing, strict=True))]
    padded = np.pad(data, widths)
    grid = padded.shape[1:]
    weights = gaussian(patch, rules.sigma, flat)
    sums = np.zeros((training.outputs, *grid), np.float16)
    total = np.zeros(grid, np.float16)
    starts = [
        range(n) if flat and axis == 0 else window_starts(n, size, rules.step)
        for axis, (n, size) in enumerate(zip(grid, patch, strict=True))
    ]
    for corner in product(*starts):
        place = tuple(slice(a, a + size) for a, size in zip(corner, patch, strict=True))
        window = padded[(slice(None), *place)]
        logits = mirrored_mean(window[:, 0] if flat else window, network, training, rules)
        logits = logits[:, np.newaxis] if flat else logits
        sums[(slice(None), *place)] += logits * weights
        total[place] += weights
    mean = sums / total
    kept = tuple(slice(a, a + n) for a, n in zip(before, data.shape[1:], strict=True))
    return mean[(slice(None), *kept)]


def window_starts(length: int, size: int, step: float) -> list[int]:
    """First voxels of the windows along one axis."""
    count = ceil((length - size) / (size * step)) + 1
    return [round(n * (length - size) / max(1, count - 1)) for n in range(count)]


def gaussian(patch: Sequence[int], sigma: float, flat: bool) -> Array:
    """A delta under a Gaussian, at most 10, in 16 bits, without zeros."""
    sizes = [*patch[1:]] if flat else [*patch]
    delta = np.zeros(sizes)
    delta[tuple(n // 2 for n in sizes)] = 1
    blurred = ndimage.gaussian_filter(delta, [n * sigma for n in sizes], mode="constant")
    weights = (blurred / blurred.max() * 10).astype(np.float16)
    weights[weights == 0] = weights[weights > 0].min()
    return weights.reshape(patch).astype(np.float32)


def mirrored_mean(window: Array, network: Any, training: Training, rules: Rules) -> Array:
    """The mean of the logits over all mirrorings of a window."""
    axes = list(training.mirror_axes or ()) if rules.mirror else []
    axes = axes[:-1] if rules.mirror_one_less else axes
    image = torch.from_numpy(np.ascontiguousarray(window, np.float32))[None]
    turns = [[a + 2 for a in turn] for n in range(len(axes) + 1) for turn in combinations(axes, n)]
    with torch.inference_mode():
        logits = [torch.flip(network(torch.flip(image, turn)), turn) for turn in turns]
    return (sum(logits[1:], start=logits[0]) / len(turns))[0].numpy()
