"""Several trained networks as one teacher (Hinton et al. 2015, arXiv:1503.02531)."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, log_softmax

from models.nets.unet import UNet
from models.training.checkpoint import fill, read_weights
from models.training.config import TrainingConfig


class Teachers(nn.Module):
    """An ensemble whose mean probabilities a single network learns to give."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.networks = nn.ModuleList(network.eval() for network in networks)
        self.requires_grad_(requires_grad=False)

    @classmethod
    def load(cls, config: TrainingConfig, root: Path) -> "Teachers":
        """Networks of the training's own kind; BadRequest where a checkpoint is none."""
        networks = []
        for path in config.loss.teachers:
            network = UNet(config.network.unet())
            fill(network, read_weights(root / path))
            networks.append(network)
        return cls(networks)

    def forward(self, image: Tensor) -> Tensor:
        """Image (n, c, *spatial) -> mean probabilities (n, outputs, *output)."""
        each = [network(image).float().softmax(1) for network in self.networks]
        return torch.stack(each).mean(0)

    @staticmethod
    def distance(logits: Tensor, taught: Tensor) -> Tensor:
        """Mean Kullback-Leibler divergence of a voxel's probabilities from what is taught."""
        voxels = logits.numel() // logits.shape[1]
        return kl_div(log_softmax(logits, 1), taught, reduction="sum") / voxels
