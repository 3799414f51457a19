"""What cannot be read from a MeshNet's files, as options. Torch-free."""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import field_validator

from imaging.orientation import check_orientation
from models.importers.options import ImportOptions

IntensityName = Literal["minmax", "quantile"]


@dataclass(frozen=True, slots=True)
class KnownIntensity:
    """A normalisation of brainchop."""

    card: dict[str, Any]
    """The field `intensity` of a card."""
    text: str


INTENSITIES: dict[IntensityName, KnownIntensity] = {
    "minmax": KnownIntensity(
        {"kind": "percentile", "lower": 0, "upper": 100},
        "the lowest and the highest value become 0 and 1",
    ),
    "quantile": KnownIntensity(
        {"kind": "percentile", "lower": 5, "upper": 95},
        "the 5th and the 95th percentile become 0 and 1",
    ),
}


class MeshNetOptions(ImportOptions):
    """Options of a MeshNet. brainchop keeps them in its own settings, not beside the network."""

    intensity: IntensityName = "minmax"
    """How voxel values are normalised: `minmax` or `quantile` (brainchop's enableQuantileNorm).
    By default `minmax`."""
    orientation: str = "LIA"
    """The axes of the network's input, as in a card: the directions in which they grow, such as
    RAS. By default `LIA`, as FreeSurfer conforms volumes."""

    @field_validator("orientation")
    @classmethod
    def _known(cls, value: str) -> str:
        check_orientation(value, 3)
        return value
