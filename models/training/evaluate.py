"""How good a network is on whole cases it has not seen."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.nets.receptive_field import ReceptiveField


def predict(
    network: nn.Module, field: ReceptiveField, image: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Logits (outputs, *spatial) of a whole image (c, *spatial), mirrored beyond its edge."""
    halo = field.halo if field.padding == "valid" else 0
    pad = [(halo, field.legal(n + 2 * halo) - n - halo) for n in image.shape[1:]]
    padded = np.pad(image, [(0, 0), *pad], mode="reflect")
    with torch.inference_mode():
        logits = network(torch.from_numpy(padded)[None])[0].float().numpy()
    return np.asarray(logits[(slice(None), *(slice(0, n) for n in image.shape[1:]))])


def dice(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """2 |A and B| / (|A| + |B|); 1 where both are empty."""
    total = int(mask.sum()) + int(truth.sum())
    return 2 * int((mask & truth).sum()) / total if total else 1.0
