"""Networks on disk: what a training resumes from, and what it leaves to be exported."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from imaging.errors import BadModel, BadRequest
from models.nets.config import UNetConfig
from models.nets.onnx_file import weights_of
from models.nets.unet import UNet
from models.training.config import TrainingConfig
from models.training.provenance import told

LAST, BEST = "last.pt", "best.pt"
UNREADABLE = (
    AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError,
    UnpicklingError, ValueError,
)  # fmt: skip
"""All that a file which is no checkpoint of ours makes torch, or the lines that follow, raise."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    torch.save(state, part)
    part.replace(path)


def shipped(
    config: TrainingConfig,
    weights: dict[str, Tensor],
    figures: dict[str, float],
    made: dict[str, Any],
) -> dict[str, Any]:
    """What best.pt holds: the network, what its card says, and how it came about."""
    return {
        "unet": asdict(config.network.unet()),
        "weights": weights,
        "logit_offsets": config.network.logit_offsets,
        "card": config.card.model_dump(mode="json"),
        "figures": figures,
        "training": {"config": told(config), **made},
    }


def network_of(state: Mapping[str, Any]) -> UNet:
    """The network that a best.pt holds; raises one of UNREADABLE where it holds none."""
    network = UNet(UNetConfig.of(state["unet"]))
    network.load_state_dict(state["weights"])
    return network


def read_network(path: Path, kind: UNetConfig) -> UNet:
    """The network of a best.pt, of whatever kind, or of a model.onnx, which must be of this kind.

    Raises BadRequest where the file is neither.
    """
    if path.suffix == ".onnx":
        network = UNet(kind)
        fill(network, read_weights(path))
        return network
    try:
        return network_of(torch.load(path, weights_only=True, map_location="cpu"))
    except (*UNREADABLE, BadModel) as error:
        raise _unfit() from error


def read_last(
    out: Path, config: TrainingConfig, data_sha256: str, device: torch.device
) -> dict[str, Any]:
    """The folder's last.pt; raises BadRequest where it is torn, or of other data or configuration.

    The seed and the step alone say what comes next, so a change half way would make a network that
    no configuration tells of.
    """
    try:
        state: dict[str, Any] = torch.load(out / LAST, weights_only=True, map_location=device)
        before, learnt = state["config"], state["data_sha256"]
    except UNREADABLE as error:
        raise BadRequest(
            f"The folder's {LAST} cannot be read.",
            expected="What a training of this version left there.",
            hint=f"Remove {LAST} to train from the beginning, or name another folder with --out.",
        ) from error
    if learnt != data_sha256:
        raise BadRequest(
            "The training in that folder began with other data.",
            expected="The same files, byte for byte.",
            hint="Put them back, or name another folder with --out.",
        )
    now = config.model_dump(mode="json")
    if changed := sorted(key for key in before.keys() | now if before.get(key) != now.get(key)):
        raise BadRequest(
            f"The training in that folder began with another configuration: {', '.join(changed)}.",
            expected="The configuration that it began with.",
            hint="Take that one, or name another folder with --out (and this one's best.pt as "
            "`start`).",
        )
    return state


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a best.pt or an exported model.onnx; raises BadRequest where it is neither."""
    try:
        if path.suffix == ".onnx":
            return weights_of(path)
        weights: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")[
            "weights"
        ]
    except (*UNREADABLE, BadModel) as error:
        raise _unfit() from error
    return weights


def mean(others: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of the weights of networks of one kind; of counters, the first's."""
    return {
        name: torch.stack([weights[name] for weights in others]).mean(0)
        if first.is_floating_point()
        else first
        for name, first in others[0].items()
    }


def fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Loads them; raises BadRequest where they are another network's."""
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise _unfit() from error


def _unfit() -> BadRequest:
    return BadRequest(
        "The weights to begin from cannot be taken.",
        expected="The best.pt of a training, or the model.onnx made of it; to `start`, of the same "
        "network.",
        hint="Mend `start` or `teachers` in the configuration, or leave them out.",
    )
