"""Checkpoints: last.pt, from which a training resumes, and best.pt, which is exported."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from imaging.errors import BadModel, BadRequest
from imaging.formats.atomic import raising_storage_full, replacing
from models.nets.config import UNetConfig
from models.nets.onnx_file import weights_of
from models.nets.unet import UNet
from models.training.config import TrainingConfig
from models.training.provenance import published_config

LAST, BEST = "last.pt", "best.pt"
UNREADABLE = (
    AttributeError, EOFError, IndexError, KeyError, OSError, RuntimeError, TypeError,
    UnpicklingError, ValueError,
)  # fmt: skip
"""Exceptions that torch, or the code after it, raises for a file that is not our checkpoint."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Writes `state` to `path`, completely or not at all; raises StorageFull."""
    with raising_storage_full():
        try:
            with replacing(path) as file:
                torch.save(state, file)
        except RuntimeError as error:
            if isinstance(error.__context__, OSError):  # torch hides why a write failed
                raise error.__context__ from error
            raise


def exportable(
    config: TrainingConfig,
    weights: dict[str, Tensor],
    figures: dict[str, float],
    provenance: dict[str, Any],
) -> dict[str, Any]:
    """The contents of best.pt: the network, the facts of its card, and its provenance."""
    return {
        "unet": asdict(config.network.unet()),
        "weights": weights,
        "logit_offsets": config.network.logit_offsets,
        "card": config.card.model_dump(mode="json"),
        "figures": figures,
        "training": {"config": published_config(config), **provenance},
    }


def network_of(state: Mapping[str, Any]) -> UNet:
    """The network in a best.pt; raises one of UNREADABLE if there is none."""
    network = UNet(UNetConfig.of(state["unet"]))
    network.load_state_dict(state["weights"])
    return network


def read_network(path: Path, kind: UNetConfig) -> UNet:
    """The network of a best.pt (of any kind), or of a model.onnx (which must be of this kind).

    Raises BadRequest if the file is neither.
    """
    if path.suffix == ".onnx":
        network = UNet(kind)
        fill(network, read_weights(path))
        return network
    try:
        return network_of(torch.load(path, weights_only=True, map_location="cpu"))
    except (*UNREADABLE, BadModel) as error:
        raise _unusable_weights() from error


def read_last(
    out: Path, config: TrainingConfig, data_sha256: str, device: torch.device
) -> dict[str, Any]:
    """The folder's last.pt; raises BadRequest if it is damaged, or of other data or configuration.

    Each step depends only on the seed and its number. A change in the middle would give a network
    that no configuration describes.
    """
    try:
        state: dict[str, Any] = torch.load(out / LAST, weights_only=True, map_location=device)
        before, data_before = state["config"], state["data_sha256"]
    except UNREADABLE as error:
        raise BadRequest(
            f"The {LAST} in the output folder cannot be read.",
            expected="The file that a training of this version of Tessera wrote.",
            hint=f"Delete {LAST} to start from the beginning, or choose another folder with --out.",
        ) from error
    if data_before != data_sha256:
        raise BadRequest(
            "The training in the output folder started with other data.",
            expected="The same data files, byte for byte.",
            hint="Restore the files, or choose another folder with --out.",
        )
    now = config.model_dump(mode="json")
    if changed := sorted(key for key in before.keys() | now if before.get(key) != now.get(key)):
        raise BadRequest(
            f"The training in the output folder started with another configuration: "
            f"{', '.join(changed)}.",
            expected="The configuration with which it started.",
            hint="Use that configuration, or choose another folder with --out (and set this "
            "folder's best.pt as `start`).",
        )
    return state


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a best.pt or an exported model.onnx; raises BadRequest if it is neither."""
    try:
        if path.suffix == ".onnx":
            return weights_of(path)
        weights: dict[str, Tensor] = torch.load(path, weights_only=True, map_location="cpu")[
            "weights"
        ]
    except (*UNREADABLE, BadModel) as error:
        raise _unusable_weights() from error
    return weights


def mean(others: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean weights of networks of the same kind; counters are those of the first."""
    return {
        name: torch.stack([weights[name] for weights in others]).mean(0)
        if first.is_floating_point()
        else first
        for name, first in others[0].items()
    }


def fill(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Loads `weights`; raises BadRequest if they belong to another network."""
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise _unusable_weights() from error


def _unusable_weights() -> BadRequest:
    return BadRequest(
        "The weights to start from cannot be used.",
        expected="The best.pt of a training, or its exported model.onnx; for `start`, of the same "
        "network.",
        hint="Correct `start` or `teachers` in the configuration, or leave them out.",
    )
