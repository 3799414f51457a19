"""All preparation steps; the card's schema and the documentation are derived from the list."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from imaging.preparation.crop_foreground import CropForeground
from imaging.preparation.crop_nonzero import CropNonzero
from imaging.preparation.normalise import Normalise
from imaging.preparation.pad import Pad
from imaging.preparation.resample import Resample
from imaging.preparation.resize_to import ResizeTo
from imaging.preparation.step import PreparationStep

PREPARATION_STEPS: tuple[type[PreparationStep], ...] = (
    CropForeground,
    CropNonzero,
    Normalise,
    Pad,
    Resample,
    ResizeTo,
)

if TYPE_CHECKING:
    AnyPreparation = PreparationStep
else:
    AnyPreparation: Any = Annotated[Union[PREPARATION_STEPS], Field(discriminator="step")]  # noqa: UP007


def check_steps(steps: tuple[PreparationStep, ...], scans: int, axes: int) -> None:
    """Raises ValueError unless the steps fit `scans` channels that are no label maps, `axes`
    spatial axes, and each other."""
    for n, step in enumerate(steps):
        step.check(scans, axes, steps[:n])
