"""The file that `tessera evaluate --precision both --json` writes, as far as it is read again."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from imaging.errors import BadRequest
from models.card import ModelCard
from models.card_parts import Positive, Sha256


class EvaluationFile(BaseModel):
    """The scores of a network in two precisions."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sha256: Sha256
    """Checksum of the networks."""
    device: str
    """Name of the runtime."""
    measured_on: str
    """Runtime and hardware."""
    count: Positive
    """Number of cases."""
    scores: dict[str, dict[str, float]]
    """Precision -> name of the score -> mean over the cases."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises BadRequest for any other file."""
        try:
            measured = cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise _unsuitable("This is not the file of an evaluation.") from error
        if len(measured.scores) != 2 or "fp32" not in measured.scores:
            raise _unsuitable("This evaluation does not have two precisions.")
        return measured

    @property
    def lower(self) -> str:
        """The precision beside fp32."""
        (precision,) = self.scores.keys() - {"fp32"}
        return precision

    def check_model(self, card: ModelCard) -> None:
        """Raises BadRequest if another network was evaluated."""
        if self.sha256 != card.checksum:
            raise BadRequest(
                f"The evaluation is of the network {self.sha256[:12]}...",
                expected=f"An evaluation of the card's network, {card.checksum[:12]}...",
                hint="Evaluate this model, or choose the folder of the other one.",
            )


def _unsuitable(detail: str) -> BadRequest:
    return BadRequest(
        detail,
        expected="A file written by: tessera evaluate --precision both --json FILE.",
        hint="Run that command, then record its file.",
    )
