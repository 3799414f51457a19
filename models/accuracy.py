"""The accuracy of a network in fp32 and in a lower precision, as its card records it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from imaging.frozen_model import FrozenModel
from models.card_parts import Positive, Sha256

Fraction = Annotated[float, Field(ge=0, le=1)]
LARGEST_DIFFERENCE = 0.001
"""Largest difference of any score between the precisions at which the lower one may be used."""
DEFAULT_MARGIN = 0.002
"""Kernels of other processors round differently: on the networks of the zoo, AVX512 in place of AMX
changes the sample's Dice by up to 0.0002. A card always states its margin."""


class Accuracy(FrozenModel):
    """How accurate the network is in fp32 and in a lower precision, compared with reference
    masks. `tessera models record` writes it. It allows a machine to use its own lower precision
    if the sample's masks are as similar there as they were here."""

    network_sha256: Sha256
    """Checksum of the network that was measured: its SHA-256, or a hash of several. The record does
    not count for another one."""
    precision: Literal["bf16", "fp16"]
    """The lower precision."""
    measured_on: str
    """Runtime and hardware."""
    cases: Positive
    """Number of cases with a reference mask."""
    data: str
    """Which cases, and whether the network was trained or chosen on them."""
    fp32: dict[str, float]
    """Mean scores in fp32, by name: `dice`; `dice_1` of label 1; ... All are fractions."""
    lower: dict[str, float]
    """The same scores in the lower precision."""
    sample_sha256: Sha256
    """SHA-256 of the sample's voxels. The record does not count for another sample."""
    sample: dict[str, Fraction]
    """Similarity of the sample's masks in both precisions: the Dice of each label, by its value;
    `objects`: for numbered objects, the mean precision at IoU 0.5 to 0.9."""
    margin: Fraction
    """How much less similar the sample's masks may be on another machine."""

    @model_validator(mode="after")
    def _comparable(self) -> Self:
        if not self.fp32 or self.fp32.keys() != self.lower.keys():
            raise ValueError("accuracy needs the same scores in both precisions, at least one")
        return self

    @property
    def largest_difference(self) -> tuple[str, float]:
        """The score that differs most between the precisions, and by how much."""
        differences = {name: abs(self.fp32[name] - self.lower[name]) for name in self.fp32}
        name = max(differences, key=lambda one: differences[one])
        return name, differences[name]
