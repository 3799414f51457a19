"""Several trained networks as one teacher (Hinton et al. 2015, arXiv:1503.02531)."""

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
    """An ensemble whose mean probabilities a single network learns to give."""

    def __init__(self, networks: Sequence[nn.Module], mirrors: Sequence[int] = ()) -> None:
        """`mirrors`: spatial axes; every combination of them is looked at."""
        super().__init__()
        axes = [2 + axis for axis in mirrors]
        self.views = [turned for n in range(len(axes) + 1) for turned in combinations(axes, n)]
        self.networks = nn.ModuleList(network.eval() for network in networks)
        self.requires_grad_(requires_grad=False)

    @classmethod
    def load(cls, config: TrainingConfig, root: Path) -> "Teachers":
        """Networks of any kind that see the pupil's windows and judge the same voxels of them.

        Raises BadRequest where a file is none.
        """
        own = config.network.unet()
        networks = [checkpoint.read_network(root / path, own) for path in config.loss.teachers]
        for network in networks:
            _fits(network.config, own, config.optimisation.output)
        return cls(networks, config.loss.mirrors)

    def forward(self, image: Tensor) -> Tensor:
        """Image (n, c, *spatial) -> mean probabilities (n, outputs, *output)."""
        each = [
            network(image.flip(view)).float().softmax(1).flip(view)
            for view, network in product(self.views, self.networks)
        ]
        return torch.stack(each).mean(0)

    @staticmethod
    def distance(logits: Tensor, taught: Tensor) -> Tensor:
        """Mean Kullback-Leibler divergence of a voxel's probabilities from what is taught."""
        voxels = logits.numel() // logits.shape[1]
        return kl_div(log_softmax(logits, 1), taught, reduction="sum") / voxels


def _fits(teacher: UNetConfig, pupil: UNetConfig, output: Sequence[int]) -> None:
    """Raises BadRequest where the two differ in what they take or give for windows of `output`."""
    theirs, mine = receptive_field(teacher), receptive_field(pupil)
    context = mine.halo if mine.padding == "valid" else 0
    taken = all(theirs.is_legal(n + 2 * context) for n in output)
    if not taken or _ends(teacher, theirs) != _ends(pupil, mine):
        raise BadRequest(
            "A teacher does not give what its pupil gives.",
            expected="A network of the same channels, outputs and padding (and halo, where that is "
            "valid), which takes windows of the pupil's size.",
            hint="Leave it out of `teachers`, or take another `output`.",
        )


def _ends(config: UNetConfig, field: ReceptiveField) -> tuple[object, ...]:
    """What a network takes and gives, but for the sizes."""
    margin = field.halo if field.padding == "valid" else 0
    return config.dimension, config.in_channels, config.out_channels, field.padding, margin
