"""How good a network is on whole cases it has not seen."""

from collections.abc import Mapping

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
    """Dice of each label, of all of them as one, and `dice`, their mean; of numbered objects also
    precision at IoU 0.5 and its mean over 0.5 to 0.9, `ap`."""
    logits = predict(network, field, case.image)
    if offsets := config.network.logit_offsets:
        logits = logits + np.reshape(offsets, (-1, *(1,) * (logits.ndim - 1))).astype(np.float32)
    mask = painted(logits, config)
    if config.card.instances is not None:
        rule = config.card.instances
        objects = number_instances(mask, rule.seed, rule.rim, rule.min_voxels)
        precisions = Matches.of(objects, case.label).average_precision()
        both = dice(objects > 0, case.label > 0)
        return {"dice": both, "ap_50": precisions[0], "ap": float(np.mean(precisions))}
    truth = as_served(case.label, config)
    values = [label.value for label in config.card.labels]
    found = {f"dice_{v}": dice(mask == v, truth == v) for v in values}
    return found | {
        "dice": float(np.mean(list(found.values()))),
        "dice_all": dice(mask > 0, truth > 0),
    }


def as_served(classes: NDArray[np.int32], config: TrainingConfig) -> NDArray[np.int64]:
    """Classes -> the label values that a faultless network would paint for them.

    With softmax a class is the number of an output, and the card's `outputs` tell what that paints.
    """
    if config.card.activation == "softmax":
        return np.asarray(config.card.outputs)[classes]
    return classes.astype(np.int64)


def painted(logits: NDArray[np.float32], config: TrainingConfig) -> NDArray[np.int64]:
    """Label values of (outputs, *spatial), as when served; where objects are numbered, outputs.

    The best output's, or those of regions, later over earlier.
    """
    if config.card.activation == "softmax":
        best = np.asarray(logits.argmax(0))
        return best if config.card.instances else np.asarray(config.card.outputs)[best]
    values = np.zeros(logits.shape[1:], np.int64)
    for region, value in zip(logits, config.card.outputs, strict=True):
        values[region > 0] = value
    return values


def worth(figures: Mapping[str, float]) -> float:
    """By which the best checkpoint is picked: precision of numbered objects, else Dice."""
    return figures.get("ap", figures["dice"])
