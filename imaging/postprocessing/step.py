"""What every post-processing step is."""

from abc import ABC, abstractmethod
from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import Field

from imaging.frozen_model import FrozenModel
from imaging.postprocessing.mask_context import MaskContext

LabelValue = Annotated[int, Field(ge=1, le=65535)]


class Step(FrozenModel, ABC):
    """One post-processing step: its parameters are its fields.

    A subclass has a field `step: Literal["its_name"]`, which names it in a card. The first
    paragraph of its docstring describes it in the documentation.
    """

    @abstractmethod
    def apply(self, mask: NDArray[Any], context: MaskContext) -> None:
        """Changes `mask` in place.

        `mask`: label values, uint8 or uint16, 2D or 3D, on the scan's own grid with its axes in
        the card's `orientation`. It may be larger than memory: read and write it by the
        ranges of `imaging.large_arrays.slabs`. `context`: the voxel spacing along these axes.
        """


class LabelStep(Step):
    """A step that treats each of some labels separately."""

    labels: Annotated[tuple[LabelValue, ...], Field(min_length=1)]
    """The label values to which the step applies, in this order. The card must define each."""

    def apply(self, mask: NDArray[Any], context: MaskContext) -> None:
        """Changes each label in turn; see `apply_to`."""
        for value in self.labels:
            self.apply_to(mask, value, context)

    @abstractmethod
    def apply_to(self, mask: NDArray[Any], value: int, context: MaskContext) -> None:
        """Changes `mask` in place for the label `value`; see `Step.apply`."""
