"""Options of an import from nnU-Net. Torch-free."""

from typing import Literal

from pydantic import field_validator

from imaging.orientation import check_orientation
from models.card_parts import Name
from models.importers.options import ImportOptions, Texts


class NnunetOptions(ImportOptions):
    """Options of an import from nnU-Net."""

    configuration: str | None = None
    """Configuration to import where the source has several: 2d, 3d_lowres, 3d_fullres or
    3d_cascade_fullres."""
    folds: Texts = ()
    """Folds to import, separated by commas, such as `0,1,2`, or `all` for the network that was
    trained on all cases. By default all numbered folds, as with nnU-Net, else `all`. The mask is
    made of the mean of their outputs."""
    checkpoint: Literal["final", "best", "latest"] = "final"
    """Checkpoint to import: `final`, `best` or `latest`. By default `final`, as nnU-Net does."""
    no_mirroring: bool = False
    """Do not mirror windows. The masks are a little less accurate and made up to 8 times faster.
    nnU-Net calls this --disable_tta."""
    orientation: str | None = None
    """How the training files store their axes, in this order: three letters of R/L, A/P and S/I,
    such as LPS. Scans that are stored in another way are turned. By default scans are used as
    stored, as nnU-Net does."""
    first_model: Name | None = None
    """For the second network of a cascade: name in Tessera of the first one, which is imported by
    itself. By default the name that its import gives it."""
    trainer: str | None = None
    """Trainer of nnU-Net to use instead of the one that the checkpoint names, for a trainer of
    your own that changes neither the network nor the preparation of scans."""
    rgb: Literal["yes", "no"] | None = None
    """Whether three channels come from one RGB image. By default yes for images whose channels
    are called R, G, B or red, green, blue."""

    @field_validator("orientation")
    @classmethod
    def _three_letters(cls, value: str | None) -> str | None:
        if value is not None:
            check_orientation(value, 3)
            if value.islower():
                raise ValueError("it needs three letters, one of each of R/L, A/P and S/I")
        return value
