"""A model as it is installed: its card, and the folder of its networks."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from imaging.errors import BadModel
from imaging.hashes import sha256_of
from models.card import ModelCard
from models.combined_card import CombinedCard


def network_file(number: int) -> str:
    """The name of a model's network in its folder: model.onnx, then model_1.onnx, ..."""
    return f"model_{number}.onnx" if number else "model.onnx"


@dataclass(frozen=True)
class Model:
    """A card and the folder that holds it and its network."""

    card: ModelCard
    folder: Path
    number: int = 0
    """Which of the folder's networks this is; see `networks`."""

    @property
    def network(self) -> Path:
        """The path of the network, unverified."""
        return self.folder / network_file(self.number)

    @property
    def networks(self) -> "tuple[Model, ...]":
        """Each network of the model as a model of its own: model.onnx, then the card's members."""
        return tuple(
            Model(self.card.model_copy(update={"sha256": sha256, "members": ()}), self.folder, n)
            for n, sha256 in enumerate((self.card.sha256, *self.card.members))
        )

    @cached_property
    def verified(self) -> Path:
        """The path of the network. Raises BadModel if its checksum differs from the card's."""
        if not self.network.is_file():
            raise BadModel(
                f"The folder of model {self.card.name} contains no {self.network.name}.",
                expected="A folder with card.json and all networks that it states.",
                hint="Add the model again.",
            )
        actual = sha256_of(self.network)
        if actual != self.card.sha256:
            raise BadModel(
                f"The network of {self.card.name} has the SHA-256 {actual[:12]}...",
                expected=f"The SHA-256 in its card: {self.card.sha256[:12]}...",
                hint="The file was changed or truncated. Add the model again.",
            )
        return self.network


@dataclass(frozen=True)
class CombinedModel:
    """A model that is made of others."""

    card: CombinedCard
    parts: tuple[Model, ...]
    """In the order of the card's parts."""


AnyModel = Model | CombinedModel
