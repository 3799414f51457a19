"""Evaluates a network on whole validation cases."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imaging.instances import number_instances
from imaging.metrics import dice
from imaging.metrics.objects import Matches
from models.nets.receptive_field import ReceptiveField
from models.training.config import TrainingConfig
from models.training.data import Case


def predict(
    network: nn.Module, field: ReceptiveField, image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Logits (outputs, *spatial) of a whole image (c, *spatial), mirrored beyond its edge."""
    halo = field.halo if field.padding == "valid" else 0
    pad = [(halo, field.legal(n + 2 * halo) - n - halo) for n in image.shape[1:]]
    padded = torch.from_numpy(np.pad(image, [(0, 0), *pad], mode="reflect"))[None]
    with torch.inference_mode():
        logits = network(padded.to(next(network.parameters()).device))[0].float().cpu().numpy()
    return np.asarray(logits[(slice(None), *(slice(0, n) for n in image.shape[1:]))])


def scores(
    network: nn.Module, field: ReceptiveField, config: TrainingConfig, case: Case
) -> dict[str, float]:
    """Metrics of one case.

    For labels: `dice_N` for label N, their mean `dice`, and `dice_all` of all labels as one. For
    numbered objects: `dice`, the precision `ap_50` at IoU 0.5, and `ap`, its mean over 0.5 to 0.9.
    """
    logits = predict(network, field, case.image)
    if offsets := config.network.logit_offsets:
        logits = logits + np.reshape(offsets, (-1, *(1,) * (logits.ndim - 1))).astype(np.float32)
    mask = painted(logits, config)
    if config.card.instances is not None:
        rule = config.card.instances
        mask = number_instances(mask, rule.seed, rule.rim, rule.min_voxels)
    return mask_scores(mask, case.label, config)


def mask_scores(
    mask: NDArray[Any], label: NDArray[Any], config: TrainingConfig
) -> dict[str, float]:
    """The metrics of `scores`, for a mask of label values or numbered objects.

    `label`: the classes or numbered objects of the case.
    """
    if config.card.instances is not None:
        precisions = Matches.of(mask, label).average_precision()
        foreground = dice(mask > 0, label > 0)
        return {"dice": foreground, "ap_50": precisions[0], "ap": float(np.mean(precisions))}
    truth = label_values_of(label, config)
    values = [label.value for label in config.card.labels]
    each = {f"dice_{v}": dice(mask == v, truth == v) for v in values}
    return each | {
        "dice": float(np.mean(list(each.values()))),
        "dice_all": dice(mask > 0, truth > 0),
    }


def label_values_of(classes: NDArray[Any], config: TrainingConfig) -> NDArray[Any]:
    """Classes -> the label values that a perfect network would write.

    With softmax, a class is the index of an output, and the card's `outputs` give its label value.
    """
    if config.card.activation == "softmax":
        return np.asarray(np.asarray(config.card.outputs)[classes])
    return np.asarray(classes, np.int64)


def painted(logits: NDArray[np.float32], config: TrainingConfig) -> NDArray[np.int64]:
    """Label values for logits (outputs, *spatial), as in inference; output indices for instances.

    softmax: the highest output. sigmoid: regions, later over earlier.
    """
    if config.card.activation == "softmax":
        best = np.asarray(logits.argmax(0))
        return best if config.card.instances else np.asarray(config.card.outputs)[best]
    values = np.zeros(logits.shape[1:], np.int64)
    for region, value in zip(logits, config.card.outputs, strict=True):
        values[region > 0] = value
    return values


def selection_score(figures: Mapping[str, float]) -> float:
    """The metric that selects the best checkpoint: `ap` for numbered objects, else `dice`."""
    return figures.get("ap", figures["dice"])
