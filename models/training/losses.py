"""Loss functions: Dice and cross-entropy, with a weight for each voxel."""

from collections.abc import Sequence

import torch
from monai.losses.dice import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from models.training.config import TrainingConfig
from models.training.tables import Loss


class DiceCrossEntropy(nn.Module):
    """Soft Dice over all classes except background (Milletari et al. 2016, arXiv:1606.04797), and
    cross-entropy over all classes.

    Dice is computed over the whole batch, so that a window without a class is not penalised.
    """

    def __init__(self, settings: Loss) -> None:
        super().__init__()
        self._settings = settings
        self._dice = DiceLoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)

    def forward(self, logits: Tensor, classes: Tensor, weight: Tensor | None = None) -> Tensor:
        """Logits (n, outputs, *spatial), classes and weight (n, *spatial) -> a scalar."""
        dice: Tensor = self._dice(logits, classes[:, None])
        each = cross_entropy(logits, classes, reduction="none")
        return self._settings.dice * dice + self._settings.cross_entropy * _mean(each, weight)


class RegionLoss(nn.Module):
    """Like DiceCrossEntropy, for regions that may overlap, with a sigmoid for each."""

    def __init__(self, settings: Loss, regions: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self._settings, self._regions = settings, [list(region) for region in regions]
        self._dice = DiceLoss(sigmoid=True, batch=True)

    def forward(self, logits: Tensor, classes: Tensor, weight: Tensor | None = None) -> Tensor:
        """Like DiceCrossEntropy.forward; a region contains the voxels of its classes."""
        covered = torch.stack([_any_of(classes, region) for region in self._regions], 1).float()
        dice: Tensor = self._dice(logits, covered)
        each = binary_cross_entropy_with_logits(logits, covered, reduction="none").mean(1)
        return self._settings.dice * dice + self._settings.cross_entropy * _mean(each, weight)


def loss_of(config: TrainingConfig) -> nn.Module:
    """The loss for the card's activation."""
    if config.card.activation == "sigmoid":
        return RegionLoss(config.loss, config.data.regions)
    return DiceCrossEntropy(config.loss)


def _any_of(classes: Tensor, region: list[int]) -> Tensor:
    return torch.isin(classes, torch.tensor(region, device=classes.device))


def _mean(each: Tensor, weight: Tensor | None) -> Tensor:
    """The mean, weighted if there is a weight."""
    return each.mean() if weight is None else (each * weight).sum() / weight.sum()
