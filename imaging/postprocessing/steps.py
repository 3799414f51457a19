"""All post-processing steps; the card's schema and the documentation are derived from the list."""

from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Field

from imaging.postprocessing.fill_holes import FillHoles
from imaging.postprocessing.largest_component import LargestComponent
from imaging.postprocessing.largest_foreground import LargestForeground
from imaging.postprocessing.step import Step

STEPS: tuple[type[Step], ...] = (
    FillHoles,
    LargestComponent,
    LargestForeground,
)


def any_of(steps: tuple[type[Step], ...]) -> Any:
    """The type of a field that holds one of `steps`, chosen by the value of `step`."""
    return Annotated[Union[steps], Field(discriminator="step")]  # noqa: UP007 - of a tuple


if TYPE_CHECKING:
    AnyStep = Step
else:
    AnyStep = any_of(STEPS)
