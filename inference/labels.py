"""From logits to label values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from models.card import ModelCard

_HALF = 0.5


def probabilities(logits: NDArray[np.float32], card: ModelCard) -> NDArray[np.float32]:
    """Softmax or sigmoid of logits (outputs, *spatial), as the card says."""
    if card.activation == "sigmoid":
        return np.asarray(expit(logits))
    values = np.exp(logits - logits.max(axis=0))
    return np.asarray(values / values.sum(axis=0))


def labels_of(
    values: NDArray[np.float32], card: ModelCard, *, activated: bool = False
) -> NDArray[Any]:
    """Logits, or probabilities if `activated`, (outputs, *spatial) -> (*spatial) label values.

    For a card that numbers objects: the number of the winning output.
    """
    if card.activation == "softmax":
        winner = best_output(values)
        if card.instances is not None or card.outputs == tuple(range(len(values))):
            return winner.astype(label_type(card), copy=False)
        return np.asarray(np.asarray(card.outputs, label_type(card))[winner])
    labels = np.zeros(values.shape[1:], label_type(card))
    for region, value in zip(values, card.outputs, strict=True):
        labels[region > (_HALF if activated else 0)] = value  # sigmoid(0) = 0.5
    return labels


def best_output(logits: NDArray[np.float32]) -> NDArray[Any]:
    """Index of the largest logit, the first of equal ones: `logits.argmax(0)`, as uint8 or uint16.

    Ten times as fast as argmax, since no step has a branch: an output that wins has a higher index
    than all before it, so that the maximum of the indices selects it.
    """
    dtype = np.uint8 if len(logits) <= 256 else np.uint16
    best = logits[0].copy()
    index = np.zeros(best.shape, dtype)
    wins, scaled = np.empty(best.shape, bool), np.empty(best.shape, dtype)
    for output in range(1, len(logits)):
        np.greater(logits[output], best, out=wins)
        np.maximum(best, logits[output], out=best)
        np.multiply(wins.view(np.uint8), dtype(output), out=scaled)
        np.maximum(index, scaled, out=index)
    return index


def label_type(card: ModelCard) -> type[np.unsignedinteger[Any]]:
    """The smallest type for the card's label values and the indices of its outputs."""
    return np.uint8 if max(*card.outputs, 0, len(card.outputs)) < 256 else np.uint16
