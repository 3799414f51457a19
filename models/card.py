"""The model card: everything that inference and users need to know about a network. Torch-free."""

import hashlib
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.accuracy import Accuracy
from models.card_facts import CardFacts
from models.card_file import load_card, save_card
from models.card_parts import LONGEST_NAME, Parent, Sha256, Training
from models.windows import Windows

NotNegative = Annotated[int, Field(ge=0)]
Context = Annotated[int, Field(ge=0, le=1024)]
Size = Annotated[int, Field(ge=1, le=2048)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_VERSION = r"[A-Za-z0-9][A-Za-z0-9._-]*"


class ModelCard(CardFacts):
    """Everything that inference needs to know about a network, and what a user should know."""

    version: str  # stated in every card.json: no default
    """Version of the model, as its author counts."""
    dimension: Literal[2, 3]
    """2: images. 3: volumes."""
    padding: Literal["valid", "same"]
    """`valid`: the network's output is smaller than its input by the halo on each side. `same`: it
    has the size of the input."""
    halo: tuple[Context, ...]
    """Context in voxels that an output voxel reads on each side, per axis. Derived from the
    network's layers."""
    align: tuple[Size, ...]
    """Total stride of the network in voxels, per axis."""
    minimum: tuple[Size, ...]
    """Smallest legal input size in voxels, per axis; legal sizes are minimum + n * align."""
    exact: bool
    """Whether all layers are local, so that tiling does not change the mask. False: a layer uses
    the whole tile (instance norm, attention, ...), and the network runs in `windows`, or in one
    pass if there are none."""

    parameters: NotNegative = 0
    """Number of weights."""
    multiply_adds_per_voxel: Amount = 0.0
    """Multiply-adds per output voxel of a large tile."""
    bytes_per_voxel: Amount = 0.0
    """Working memory in bytes per input voxel in fp32; the tile size is planned with it."""
    figures: dict[str, float] = Field(default_factory=dict)
    """Results on the validation cases: `dice` (mean of the labels), `dice_1` (of label 1), ..."""
    accuracy: Accuracy | None = None
    """Accuracy in fp32 and in a lower precision. Empty: a machine uses a lower precision only
    if the sample's mask hardly changes."""
    training: Training | None = None
    """How the weights were trained."""
    parent: Parent | None = None
    """The model that the network was fine-tuned from. Empty: it was not fine-tuned here."""
    sha256: Sha256
    """SHA-256 of model.onnx, in hexadecimal."""
    members: tuple[Sha256, ...] = ()
    """SHA-256 of further networks, model_1.onnx, model_2.onnx, ..., such as the folds of a
    cross-validation. Labels are chosen from the mean of the outputs of all networks. Needs
    `windows`. Empty: model.onnx alone."""

    @model_validator(mode="after")
    def _one_number_per_axis(self) -> Self:
        for field in ("halo", "align", "minimum"):
            if len(getattr(self, field)) != self.dimension:
                raise ValueError(f"{field} needs {self.dimension} numbers, one for each axis")
        self.check_dimension(self.dimension)
        if self.full_name != self.name:
            self._check_version()
        if self.windows is not None:
            self._check_windows(self.windows)
        elif self.members:
            raise ValueError("members need windows")
        return self

    def _check_version(self) -> None:
        if not re.fullmatch(_VERSION, self.version):
            raise ValueError("the version of a fine-tuned model needs letters, digits, . _ or -")
        if len(self.full_name) > LONGEST_NAME:
            raise ValueError(f"name@version has more than {LONGEST_NAME} characters")

    def _check_windows(self, windows: Windows) -> None:
        if self.exact:
            raise ValueError("windows need exact: false, because blending changes the mask")
        if self.padding != "same":
            raise ValueError("windows need a network with padding 'same'")
        for size, minimum, align in zip(windows.patch, self.minimum, self.align, strict=True):
            if size < minimum or (size - minimum) % align:
                raise ValueError("windows.patch needs legal sizes: minimum plus multiples of align")

    @property
    def full_name(self) -> str:
        """`NAME@VERSION` if it was fine-tuned from a model of the same name, else `NAME`."""
        later = self.parent is not None and self.parent.name == self.name
        return f"{self.name}@{self.version}" if later else self.name

    @property
    def checksum(self) -> str:
        """Identifies all networks of the model: `sha256`, or with members a hash of all."""
        if not self.members:
            return self.sha256
        return hashlib.sha256(" ".join((self.sha256, *self.members)).encode()).hexdigest()

    @property
    def network_dimension(self) -> int:
        """Spatial axes of the network itself: 2 if it segments a volume slice by slice."""
        return 2 if self.windows is not None and self.windows.slicewise else self.dimension

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads card.json; raises BadModel, which names every invalid field."""
        return load_card(cls, path)

    def save(self, path: Path) -> None:
        """Writes card.json, indented, without fields that have their default."""
        save_card(self, path)
