"""An ensemble of trained networks as teacher (Hinton et al. 2015, arXiv:1503.02531)."""

from collections.abc import Sequence
from itertools import combinations, product
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from imaging.errors import BadRequest
from models.nets.config import UNetConfig
from models.nets.receptive_field import ReceptiveField, receptive_field
from models.training import checkpoint
from models.training.config import TrainingConfig


class Teachers(nn.Module):
    """An ensemble whose mean probabilities a single network, the student, learns to predict."""

    def __init__(self, networks: Sequence[nn.Module], mirrors: Sequence[int] = ()) -> None:
        """`mirrors`: spatial axes; the networks see the images mirrored on every combination of
        them."""
        super().__init__()
        axes = [2 + axis for axis in mirrors]
        self.views = [view for n in range(len(axes) + 1) for view in combinations(axes, n)]
        self.networks = nn.ModuleList(network.eval() for network in networks)
        self.requires_grad_(requires_grad=False)

    @classmethod
    def load(cls, config: TrainingConfig, root: Path) -> "Teachers":
        """Networks of any kind that accept the student's windows and predict the same voxels.

        Raises BadRequest for a file that is not such a network.
        """
        own = config.network.unet()
        networks = [checkpoint.read_network(root / path, own) for path in config.loss.teachers]
        for network in networks:
            _check_fits(network.config, own, config.optimisation.output)
        return cls(networks, config.loss.mirrors)

    def forward(self, image: Tensor) -> Tensor:
        """Image (n, c, *spatial) -> mean probabilities (n, outputs, *output)."""
        each = [
            network(image.flip(view)).float().softmax(1).flip(view)
            for view, network in product(self.views, self.networks)
        ]
        return torch.stack(each).mean(0)

    @staticmethod
    def distance(logits: Tensor, target: Tensor) -> Tensor:
        """Mean Kullback-Leibler divergence per voxel from the probabilities `target`."""
        voxels = logits.numel() // logits.shape[1]
        return kl_div(log_softmax(logits, 1), target, reduction="sum") / voxels


def _check_fits(teacher: UNetConfig, student: UNetConfig, output: Sequence[int]) -> None:
    """Raises BadRequest if the two differ in input or output for windows of size `output`."""
    taught_by, own = receptive_field(teacher), receptive_field(student)
    context = own.halo if own.padding == "valid" else 0
    is_legal = all(taught_by.is_legal(n + 2 * context) for n in output)
    if not is_legal or _interface(teacher, taught_by) != _interface(student, own):
        raise BadRequest(
            "A teacher does not predict the same voxels as its student.",
            expected="A network with the same channels, outputs and padding (and halo, if that is "
            "valid), which accepts windows of the student's size.",
            hint="Remove it from `teachers`, or change `output`.",
        )


def _interface(config: UNetConfig, field: ReceptiveField) -> tuple[object, ...]:
    """Input and output of a network, except the sizes."""
    margin = field.halo if field.padding == "valid" else 0
    return config.dimension, config.in_channels, config.out_channels, field.padding, margin
