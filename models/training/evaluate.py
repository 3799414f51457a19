"""How good a network is on whole cases it has not seen."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

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


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty."""
    total = int(mask.sum()) + int(truth.sum())
    return 2 * int((mask & truth).sum()) / total if total else 1.0


def scores(
    network: nn.Module, field: ReceptiveField, config: TrainingConfig, case: Case
) -> dict[str, float]:
    """Dice of each label, of all of them as one, and `dice`, by which the best is picked."""
    mask = painted(predict(network, field, case.image), config)
    if config.data.target == "instances":
        return {"dice": dice(mask > 0, case.label > 0)}
    values = [label.value for label in config.card.labels]
    found = {f"dice_{v}": dice(mask == v, case.label == v) for v in values}
    return found | {
        "dice": float(np.mean(list(found.values()))),
        "dice_all": dice(mask > 0, case.label > 0),
    }


def painted(logits: NDArray[np.float32], config: TrainingConfig) -> NDArray[np.int64]:
    """Classes of (outputs, *spatial): the best output; or regions, later over earlier."""
    if config.card.activation == "softmax":
        return np.asarray(logits.argmax(0))
    values = np.zeros(logits.shape[1:], np.int64)
    for region, value in zip(logits, config.card.outputs, strict=True):
        values[region > 0] = value
    return values
