"""What is made small, against the formulas written out."""

import numpy as np
import pytest
import torch

from models.training.losses import DiceCrossEntropy, RegionLoss
from models.training.tables import Loss
from models.training.teachers import Teachers


def drawn() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(2, 3, 5, 4), torch.randint(0, 3, (2, 5, 4)), torch.rand(2, 5, 4) + 0.1


def test_weighted_cross_entropy_is_the_mean_by_weight() -> None:
    logits, classes, weight = drawn()
    chosen = logits.log_softmax(1).gather(1, classes[:, None])[:, 0]
    expected = -(chosen * weight).sum() / weight.sum()
    loss = DiceCrossEntropy(Loss(dice=0.0, cross_entropy=2.0))
    assert float(loss(logits, classes, weight)) == pytest.approx(2 * float(expected), rel=1e-5)
    assert float(loss(logits, classes)) == pytest.approx(-2 * float(chosen.mean()), rel=1e-5)


def test_dice_is_that_of_the_batch_without_its_background() -> None:
    logits, classes, _ = drawn()
    p = logits.softmax(1).numpy()
    each = []
    for c in (1, 2):
        truth = (classes == c).numpy()
        both = (p[:, c] * truth).sum()
        each.append(1 - (2 * both + 1e-5) / (p[:, c].sum() + truth.sum() + 1e-5))
    loss = DiceCrossEntropy(Loss(dice=1.0, cross_entropy=0.0))
    assert float(loss(logits, classes)) == pytest.approx(np.mean(each), rel=1e-5)


def test_what_teachers_say_is_their_mean_and_the_distance_is_kullback_and_leiblers() -> None:
    logits, _, _ = drawn()
    ones, others = (torch.nn.Conv2d(3, 3, 1) for _ in range(2))
    taught = Teachers([ones, others])(logits)
    assert torch.allclose(taught, (ones(logits).softmax(1) + others(logits).softmax(1)) / 2)
    found = float(Teachers.distance(logits, taught))
    expected = (taught * (taught.log() - logits.log_softmax(1))).sum(1).mean()
    assert found == pytest.approx(float(expected), rel=1e-4)
    assert float(Teachers.distance(taught.log(), taught)) == pytest.approx(0, abs=1e-6)
    assert not any(p.requires_grad for p in Teachers([ones]).parameters())


def test_teachers_look_at_the_mirror_image_too() -> None:
    """Of a random kernel, which is not its own mirror image, in all four ways."""
    image = torch.randn(2, 3, 8, 9)
    one = torch.nn.Conv2d(3, 3, 3, padding=1)
    expected = sum(one(image.flip(view)).softmax(1).flip(view) for view in ((), (2,), (3,), (2, 3)))
    taught = Teachers([one], mirrors=(0, 1))(image)
    assert torch.allclose(taught, expected / 4)
    assert not torch.allclose(taught, Teachers([one])(image), atol=0.01)


def test_regions_are_learnt_each_by_itself() -> None:
    logits, classes, weight = drawn()
    covered = torch.stack([classes > 0, classes == 2, classes == 1], 1).float()
    p = logits.sigmoid()
    loss = RegionLoss(Loss(dice=0.0), ((1, 2), (2,), (1,)))
    each = -(covered * p.log() + (1 - covered) * (1 - p).log()).mean(1)
    expected = float((each * weight).sum() / weight.sum())
    assert float(loss(logits, classes, weight)) == pytest.approx(expected, rel=1e-5)
    both, total = (p * covered).sum((0, 2, 3)), (p + covered).sum((0, 2, 3))
    loss = RegionLoss(Loss(cross_entropy=0.0), ((1, 2), (2,), (1,)))
    overlap = float((1 - (2 * both + 1e-5) / (total + 1e-5)).mean())
    assert float(loss(logits, classes)) == pytest.approx(overlap, rel=1e-5)
