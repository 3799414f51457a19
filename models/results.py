"""How a network's outputs become labels on the scan's own grid."""

from typing import Literal

from imaging.frozen_model import FrozenModel


class Results(FrozenModel):
    """What is interpolated where the network's grid is not the scan's.

    Near the border of two labels, the three rules give different masks.
    """

    resample: Literal["logits", "probabilities", "labels"] = "logits"
    """`logits`: the network's outputs, before softmax or sigmoid (Tessera, nnU-Net).
    `probabilities`: after it (MONAI). `labels`: the label is chosen on the network's grid, and each
    voxel of the scan gets the label of the nearest voxel."""
