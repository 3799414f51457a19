"""What every preparation step is."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from imaging.frozen_model import FrozenModel
from imaging.preparation.prepared import Prepared


class PreparationStep(FrozenModel, ABC):
    """One preparation step: its parameters are its fields.

    A subclass has a field `step: Literal["its_name"]`, which names it in a card. The first
    paragraph of its docstring describes it in the documentation.
    """

    step: str
    """The name of the step."""
    changes_grid: ClassVar[bool] = True
    """Whether the result may have another grid."""

    @abstractmethod
    def apply(self, prepared: Prepared, scratch: Path | None = None) -> Prepared:
        """The channels after this step.

        It may change `prepared.values` in place. Arrays may be larger than memory: they are read
        and written by the ranges of `imaging.large_arrays.slabs`, and new ones are made by
        `large_zeros` in the folder `scratch`. A step that changes the grid adds to `way_back`.
        """

    def check(self, scans: int, axes: int, earlier: "tuple[PreparationStep, ...]") -> None:
        """Raises ValueError unless the step fits `scans` channels that are no label maps, `axes`
        spatial axes, and the steps before it."""
