"""The reference case of a model card: a scan, and the mask that the network gave for it."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from pydantic import Field

from imaging.errors import BadModel
from imaging.frozen_model import FrozenModel
from imaging.hashes import sha256_of
from models.card_parts import FileName, Sha256

Fraction = Annotated[float, Field(ge=0, le=1)]


class Agreement(FrozenModel):
    """How similar to the reference's mask a mask must be."""

    dice: Fraction
    """Least Dice of every label that occurs in one of the two masks."""
    equal: Fraction
    """Least fraction of equal voxels."""


class Reference(FrozenModel):
    """A scan with the mask that the network gave for it in its original software. It shows whether
    the model gives the same mask here. Each machine runs it once, in the precision
    that its jobs use, and jobs of a model that fails it say so. It is also the model's sample,
    unless the card has one."""

    scans: tuple[FileName, ...]
    """Names of files in the model's folder, one for each channel that a request supplies, in
    their order."""
    mask: FileName
    """Name of the file with the network's own mask, on the grid of the first scan. Its values are
    those of `labels`."""
    sha256: Sha256
    """SHA-256 of the SHA-256 of these files, the mask last. The option `--reference` of `tessera
    models add` and `import` writes it, with the files."""
    fp32: Agreement = Agreement(dice=0.9999, equal=0.9999)
    """What is required in fp32."""
    lower: Agreement = Agreement(dice=0.999, equal=0.999)
    """What is required in a lower precision. A machine on which it is not reached uses fp32."""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of all files."""
        return (*self.scans, self.mask)

    def required(self, precision: str) -> Agreement:
        """What is required in this precision."""
        return self.fp32 if precision == "fp32" else self.lower


def checksum_of(files: Sequence[Path]) -> str:
    """The checksum of a reference with these files."""
    return sha256(" ".join(map(sha256_of, files)).encode()).hexdigest()


def check_reference(reference: Reference, folder: Path) -> None:
    """Raises BadModel unless the folder contains the files that were given as the reference."""
    files = [folder / name for name in reference.files]
    missing = [file.name for file in files if not file.is_file()]
    if missing or checksum_of(files) != reference.sha256:
        raise BadModel(
            f"The model's folder contains no {missing[0]}, a file of its reference case."
            if missing
            else "The files of the model's reference case are not those that were given.",
            expected="The files with the checksum that the card states.",
            hint="Add the model again, with its reference case.",
        )
