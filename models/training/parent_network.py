"""The network of an installed model as one of torch, with the same weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from imaging.errors import BadModel, BadRequest
from imaging.hashes import sha256_of
from models.card import ModelCard
from models.export import check_file, export
from models.nets.config import UNetConfig
from models.nets.unet import UNet
from models.training.checkpoint import BEST, fill, read_weights
from models.training.tables import Network


@dataclass(frozen=True, eq=False)
class ParentNetwork:
    """A model that can be fine-tuned."""

    card: ModelCard
    folder: Path
    settings: Network
    """The network's settings, without offsets: those are part of its weights."""
    training: dict[str, Any]
    """The configuration of its training, as the card states it."""
    network: UNet


def read_parent(source: Path, scratch: Path) -> ParentNetwork:
    """The model in the folder `source`, or the best network of the training in it.

    A training's network is exported into `scratch`. The outputs of the network are compared with
    those of model.onnx. Raises BadRequest where the model cannot be fine-tuned, BadModel where its
    files do not belong together.
    """
    if (source / BEST).is_file() and not (source / "card.json").is_file():
        export(source / BEST, scratch)
        source = scratch
    card = ModelCard.load(source / "card.json")
    file = source / "model.onnx"
    if not file.is_file() or sha256_of(file) != card.sha256:
        raise BadModel(
            f"The folder of {card.name} does not contain the network that its card describes.",
            expected="model.onnx with the checksum in card.json.",
            hint="Add the model again.",
        )
    settings, training = _settings(card)
    network = UNet(settings.unet())
    try:
        fill(network, read_weights(file))
    except BadRequest as error:
        raise _not_ours(card, "the weights of its network have other names or shapes") from error
    network.eval()
    check_file(network, file)
    return ParentNetwork(card, source, settings, training, network)


def _settings(card: ModelCard) -> tuple[Network, dict[str, Any]]:
    """The network's settings and the whole configuration in the card; raises BadRequest."""
    if reason := _obstacle(card):
        raise _not_ours(card, reason)
    config = {} if card.training is None else card.training.config
    try:
        settings = Network.model_validate({**config["network"], "logit_offsets": ()})
        UNetConfig.of_widths(**settings.model_dump(exclude={"logit_offsets"}))
    except (KeyError, TypeError, ValidationError, BadModel) as error:
        raise _not_ours(card, "its card does not state the layers of its network") from error
    return settings, config


def _obstacle(card: ModelCard) -> str:
    """Why a model with this card cannot be fine-tuned; empty if nothing is known against it."""
    if card.training is None:
        return "it was not trained by Tessera"
    if card.windows is not None or card.members:
        return "it runs in overlapping windows, or consists of several networks"
    if card.preparation:
        return "its scans are prepared by the steps of another software"
    if card.within is not None or any(channel.label_values for channel in card.channels):
        return "it needs the mask of another model"
    values = [value for value in card.outputs if value]
    if card.instances is None and len(set(values)) < len(values):
        return "several outputs of its network have the same label"
    return ""


def _not_ours(card: ModelCard, reason: str) -> BadRequest:
    return BadRequest(
        f"{card.full_name} cannot be fine-tuned: {reason}.",
        expected="A U-Net that `tessera train` made: a shipped model, or the model or folder of "
        "a training. Networks that were imported from nnU-Net, MONAI, BioImage.IO or elsewhere "
        "are not.",
        hint="Continue the training of an imported network where it was trained, with the images "
        "and labels of the exported data set, and import the result as a model of another name.",
    )
