"""From logits to label values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard


def paint(logits: NDArray[np.float32], card: ModelCard) -> NDArray[Any]:
    """(outputs, *spatial) -> label values; of objects still the numbers of the winning outputs."""
    if card.activation == "softmax":
        winner = best_output(logits)
        if card.instances is not None or card.outputs == tuple(range(len(logits))):
            return winner.astype(mask_type(card), copy=False)
        return np.asarray(np.asarray(card.outputs, mask_type(card))[winner])
    values = np.zeros(logits.shape[1:], mask_type(card))
    for region, value in zip(logits, card.outputs, strict=True):
        values[region > 0] = value  # sigmoid(x) > 0.5
    return values


def best_output(logits: NDArray[np.float32]) -> NDArray[Any]:
    """The number of the largest logit, of equal ones the first: `logits.argmax(0)`, as uint8 or 16.

    Ten times as quick, since no step has a branch: a later number that wins is larger than all
    before it, so that a maximum of numbers does for a choice.
    """
    dtype = np.uint8 if len(logits) <= 256 else np.uint16
    best = logits[0].copy()
    number = np.zeros(best.shape, dtype)
    wins, scaled = np.empty(best.shape, bool), np.empty(best.shape, dtype)
    for output in range(1, len(logits)):
        np.greater(logits[output], best, out=wins)
        np.maximum(best, logits[output], out=best)
        np.multiply(wins.view(np.uint8), dtype(output), out=scaled)
        np.maximum(number, scaled, out=number)
    return number


def mask_type(card: ModelCard) -> type[np.unsignedinteger[Any]]:
    """What holds the card's label values, and the numbers of its outputs."""
    return np.uint8 if max(*card.outputs, 0, len(card.outputs)) < 256 else np.uint16
