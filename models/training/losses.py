"""What a training makes small: overlap and cross-entropy, weighted voxel by voxel."""

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models.training.config import Loss


class DiceCrossEntropy(nn.Module):
    """Soft Dice over the classes but background (Milletari et al. 2016, arXiv:1606.04797), and
    cross-entropy over all of them."""

    def __init__(self, settings: Loss) -> None:
        super().__init__()
        self._settings = settings
        self._dice = DiceLoss(to_onehot_y=True, softmax=True, include_background=False)

    def forward(self, logits: Tensor, classes: Tensor, weight: Tensor | None = None) -> Tensor:
        """Logits (n, outputs, *spatial), classes and weight (n, *spatial) -> a scalar."""
        dice: Tensor = self._dice(logits, classes[:, None])
        each = cross_entropy(logits, classes, reduction="none")
        mean = each.mean() if weight is None else (each * weight).sum() / weight.sum()
        return torch.add(self._settings.dice * dice, self._settings.cross_entropy * mean)
